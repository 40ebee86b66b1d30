#include "rate_limit/confirmation.hpp"

#include <array>

#include "ngx/clock.hpp"
#include "rate_limit/core/scripts.hpp"
#include "rate_limit/memory.hpp"
#include "rate_limit/worker.hpp"

namespace gatehouse::rate_limit {

class Confirmation final : public redis::Waiter {
  public:
    Confirmation(Confirmations& owner, const Zone& zone, const base::Hash128& slot,
                 const Policy& policy, std::uint32_t cost, const Step& step) noexcept
        : owner_(owner), zone_(zone), slot_(slot), policy_(policy), cost_(cost), step_(step) {}

    std::list<Confirmation>::iterator self;

    Item item() const noexcept {
        return {&policy_, cost_, Item::Kind::forced,
                zone_.shape.hosts * std::uint32_t{zone_.shape.unconfirmed}};
    }

    void answered(const redis::Reply& reply) noexcept override {
        const Item asked = item();
        Charged charged;
        if (read_charge(reply, {&asked, 1}, {&charged, 1})) {
            const std::int64_t now = ngx::monotonic_microseconds();
            KeyAccess(zone_, slot_, policy_, now)
                ->settle(step_, policy_, cost_, charged.verdict, sent_, now);
            end();
            return;
        }
        failed(redis::Failure::protocol);
    }

    void failed(redis::Failure) noexcept override {
        KeyAccess(zone_, slot_, policy_, ngx::monotonic_microseconds())->give_up(step_);
        end();
    }

  private:
    void end() noexcept { owner_.under_way_.erase(self); }

    Confirmations& owner_;
    const Zone& zone_;
    const base::Hash128 slot_;
    const Policy policy_;
    const std::uint32_t cost_;
    const Step step_;
    const std::int64_t sent_ = ngx::monotonic_microseconds();
};

Confirmations::Confirmations() noexcept = default;
Confirmations::~Confirmations() = default;

redis::Failure Confirmations::send(const Zone& zone, const base::Hash128& slot,
                                   std::string_view redis_key, const Policy& policy,
                                   std::uint32_t cost, const Step& step) {
    under_way_.emplace_front(*this, zone, slot, policy, cost, step);
    Confirmation& confirmation = under_way_.front();
    confirmation.self = under_way_.begin();
    try {
        Arguments arguments;
        arguments.add_charge(confirmation.item());
        const redis::Failure failure = worker().client(zone).call(worker().charge, {&redis_key, 1},
                                                                  arguments.view(), &confirmation);
        if (failure != redis::Failure::none) {
            under_way_.pop_front();
        }
        return failure;
    } catch (...) {
        under_way_.pop_front();
        throw;
    }
}

}  // namespace gatehouse::rate_limit
