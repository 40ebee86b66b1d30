#include "rate_limit/debit.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "ngx/clock.hpp"
#include "rate_limit/core/scripts.hpp"
#include "rate_limit/memory.hpp"
#include "rate_limit/worker.hpp"

namespace gatehouse::rate_limit {

class Debit final : public redis::Waiter {
  public:
    Debit(Debits& owner, const LeaseKey& key, std::uint32_t requests) noexcept
        : owner_(owner),
          zone_(key.zone),
          slot_(key.slot),
          policy_(key.policy),
          requests_(requests) {}

    ~Debit() override {
        for (DebitWaiter* waiter : queue_) {
            waiter->queue_ = nullptr;
        }
    }

    redis::Failure send(std::string_view redis_key) {
        Arguments arguments;
        arguments.add_charge(item());
        return owner_.worker_.client(zone_).call(owner_.worker_.charge, {&redis_key, 1},
                                                 arguments.view(), this);
    }

    void add(DebitWaiter& waiter) {
        waiter.place_ = queue_.insert(queue_.end(), &waiter);
        waiter.queue_ = &queue_;
    }

    void answered(const redis::Reply& reply) noexcept override {
        const Item asked = item();
        Charged charged;
        if (!read_charge(reply, {&asked, 1}, {&charged, 1})) {
            owner_.worker_.distrust(zone_);
            failed(redis::Failure::protocol);
            return;
        }
        const std::int64_t now = ngx::monotonic_microseconds();
        KeyAccess(zone_, slot_, policy_, now)
            ->credit(policy_, charged.granted, charged.verdict, sent_, now);
        end(redis::Failure::none);
    }

    void failed(redis::Failure failure) noexcept override {
        give_up();
        end(failure);
    }

    void give_up() noexcept {
        Step step;
        step.debit = requests_;
        KeyAccess(zone_, slot_, policy_, ngx::monotonic_microseconds())->give_up(step);
    }

  private:
    Item item() const noexcept { return {&policy_, requests_, Item::Kind::part, 0}; }

    // Ends the debit and tells everybody. Whoever is told may start the next one, and may end
    // others that wait.
    void end(redis::Failure failure) noexcept {
        const auto place = owner_.under_way_.find(slot_);
        const std::unique_ptr<Debit> self = std::move(place->second);
        owner_.under_way_.erase(place);
        while (!queue_.empty()) {
            DebitWaiter* waiter = queue_.front();
            waiter->leave();
            waiter->debited(failure);
        }
    }

    Debits& owner_;
    const Zone& zone_;
    const base::Hash128 slot_;
    const Policy policy_;
    const std::uint32_t requests_;
    const std::int64_t sent_ = ngx::monotonic_microseconds();
    std::list<DebitWaiter*> queue_;
};

void DebitWaiter::leave() noexcept {
    if (queue_ != nullptr) {
        queue_->erase(place_);
        queue_ = nullptr;
    }
}

Debits::Debits(Worker& worker) noexcept : worker_(worker) {}
Debits::~Debits() = default;

redis::Failure Debits::start(const LeaseKey& key, std::uint32_t requests) noexcept {
    try {
        const auto [place, added] = under_way_.try_emplace(key.slot);
        if (!added) {
            return redis::Failure::none;
        }
        place->second = std::make_unique<Debit>(*this, key, requests);
        const redis::Failure failure = place->second->send(key.redis_key);
        if (failure != redis::Failure::none) {
            place->second->give_up();
            under_way_.erase(place);
        }
        return failure;
    } catch (const std::bad_alloc&) {
        under_way_.erase(key.slot);  // the mark in the key's state ends by itself
        return redis::Failure::full;
    }
}

bool Debits::join(const base::Hash128& slot, DebitWaiter& waiter) {
    const auto place = under_way_.find(slot);
    if (place == under_way_.end()) {
        return false;
    }
    place->second->add(waiter);
    return true;
}

}  // namespace gatehouse::rate_limit
