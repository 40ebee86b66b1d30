#include "rate_limit/confirmation.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "ngx/clock.hpp"
#include "rate_limit/core/scripts.hpp"
#include "rate_limit/memory.hpp"
#include "rate_limit/worker.hpp"

namespace gatehouse::rate_limit {
namespace {

// Requests that are charged by one call.
struct Batch {
    std::uint64_t cost = 0;
    std::vector<Step> steps;

    void add(std::uint32_t more, const Step& step) {
        steps.push_back(step);
        cost += more;
    }
    std::uint32_t total() const noexcept {
        return static_cast<std::uint32_t>(std::min<std::uint64_t>(cost, kMaxRequests));
    }
};

}  // namespace

class Confirmation final : public redis::Waiter {
  public:
    Confirmation(Confirmations& owner, const Zone& zone, const base::Hash128& slot,
                 std::string_view redis_key, const Policy& policy)
        : owner_(owner), zone_(zone), slot_(slot), redis_key_(redis_key), policy_(policy) {}

    void add(std::uint32_t cost, const Step& step) { next_.add(cost, step); }

    // Charges what has come together. Throws std::bad_alloc.
    redis::Failure send() {
        std::swap(sent_, next_);
        sent_at_ = ngx::monotonic_microseconds();
        Arguments arguments;
        arguments.add_charge(item());
        const std::string_view key = redis_key_;
        return owner_.worker_.client(zone_).call(owner_.worker_.charge, {&key, 1}, arguments.view(),
                                                 this);
    }

    void answered(const redis::Reply& reply) noexcept override {
        const Item asked = item();
        Charged charged;
        if (!read_charge(reply, {&asked, 1}, {&charged, 1})) {
            owner_.worker_.distrust(zone_);
            failed(redis::Failure::protocol);
            return;
        }
        settle(charged.verdict);
        go_on();
    }

    void failed(redis::Failure) noexcept override {
        give_up(sent_);
        go_on();
    }

  private:
    Item item() const noexcept {
        return {&policy_, sent_.total(), Item::Kind::forced, zone_.debt()};
    }

    void settle(const Verdict& verdict) noexcept {
        const std::int64_t now = ngx::monotonic_microseconds();
        KeyAccess key(zone_, slot_, policy_, now);
        // They have been charged whatever the verdict is: before all of them would have fitted,
        // not one more will.
        key->settle(sent_.steps.front(), policy_, 1, verdict, sent_at_, now);
        for (std::size_t i = 1; i < sent_.steps.size(); ++i) {
            key->give_up(sent_.steps[i]);
        }
    }

    void give_up(const Batch& batch) noexcept {
        KeyAccess key(zone_, slot_, policy_, ngx::monotonic_microseconds());
        for (const Step& step : batch.steps) {
            key->give_up(step);
        }
    }

    // Charges what was admitted meanwhile, or ends. What cannot be charged has passed uncounted, as
    // whatever Redis has not answered.
    void go_on() noexcept {
        sent_ = {};
        try {
            if (!next_.steps.empty() && send() == redis::Failure::none) {
                return;
            }
        } catch (const std::bad_alloc&) {
        }
        give_up(sent_);
        give_up(next_);
        owner_.under_way_.erase({slot_, policy_.tag()});
    }

    Confirmations& owner_;
    const Zone& zone_;
    const base::Hash128 slot_;
    const std::string redis_key_;
    const Policy policy_;
    Batch sent_, next_;
    std::int64_t sent_at_ = 0;
};

Confirmations::Confirmations(Worker& worker) noexcept : worker_(worker) {}
Confirmations::~Confirmations() = default;

redis::Failure Confirmations::add(const Zone& zone, const base::Hash128& slot,
                                  std::string_view redis_key, const Policy& policy,
                                  std::uint32_t cost, const Step& step) {
    const Key key{slot, policy.tag()};
    const auto known = under_way_.find(key);
    if (known != under_way_.end()) {
        known->second->add(cost, step);
        return redis::Failure::none;
    }
    auto confirmation = std::make_unique<Confirmation>(*this, zone, slot, redis_key, policy);
    confirmation->add(cost, step);
    const auto place = under_way_.emplace(key, std::move(confirmation)).first;
    try {
        const redis::Failure failure = place->second->send();
        if (failure != redis::Failure::none) {
            under_way_.erase(place);
        }
        return failure;
    } catch (...) {
        under_way_.erase(place);
        throw;
    }
}

}  // namespace gatehouse::rate_limit
