// What a decision does with Redis: calls, debits, answers and their failure.

#include <utility>

#include "ngx/clock.hpp"
#include "rate_limit/decision.hpp"
#include "rate_limit/memory.hpp"
#include "rate_limit/worker.hpp"

namespace gatehouse::rate_limit {

Item Decision::item_of(const Charge& charge) noexcept {
    return {charge.policy, charge.cost, Item::Kind::whole, charge.zone->debt()};
}

// A lease that comes to its end is renewed behind the request's back, or in front of it if nothing
// is left; for one request that is waited for once.
void Decision::start_debit(Charge& charge) {
    const std::uint32_t requests = std::exchange(charge.step.debit, 0);
    const bool started = requests == 0 || worker_.debits.start({*charge.zone, charge.slot,
                                                                key_of(charge), *charge.policy},
                                                               requests) == redis::Failure::none;
    if (charge.held != Held::asking) {
        return;
    }
    if (!started) {
        fall_back(charge);
    } else if (!charge.debited) {
        charge.held = Held::debiting;
    }
}

bool Decision::wait_for_debit(Charge& charge) {
    if (!charge.debited && worker_.debits.join(charge.slot, *this)) {
        charge.debited = true;
        return true;
    }
    // Another worker is asking, or has asked in vain: this one request is charged by itself.
    charge.held = Held::asking;
    return false;
}

// One call for this charge and all others that it may name.
bool Decision::ask(Charge& first) {
    redis::Client& client = worker_.client(*first.zone);
    Arguments arguments;
    std::vector<std::string_view> keys;
    asked_.clear();
    for (Charge& charge : charges_) {
        if (charge.held == Held::asking && charge.zone->backend == first.zone->backend &&
            client.together(key_of(first), key_of(charge))) {
            arguments.add_charge(item_of(charge));
            keys.push_back(key_of(charge));
            asked_.push_back(&charge);
        }
    }
    sent_ = ngx::monotonic_microseconds();
    const redis::Failure failure = client.call(worker_.charge, keys, arguments.view(), this);
    if (failure != redis::Failure::none) {
        unanswered();
        return false;
    }
    return true;
}

void Decision::take(const redis::Reply& reply) {
    std::vector<Item> items;
    for (const Charge* charge : asked_) {
        items.push_back(item_of(*charge));
    }
    std::vector<Charged> charged(items.size());
    const auto answer = read_charge(reply, items, charged);
    if (!answer) {
        worker_.distrust(*asked_.front()->zone);
        unanswered();
        return;
    }
    for (std::size_t i = 0; i < asked_.size(); ++i) {
        settle(*asked_[i], charged[i].verdict, *answer);
    }
}

void Decision::settle(Charge& charge, const Verdict& verdict, const ChargeReply& answer) noexcept {
    const std::int64_t now = ngx::monotonic_microseconds();
    {
        KeyAccess key(*charge.zone, charge.slot, *charge.policy, now);
        if (verdict.allowed && !answer.allowed) {
            key->give_up(charge.step);  // another key has refused: this one was not charged
        } else {
            key->settle(charge.step, *charge.policy, charge.cost, verdict, sent_, now);
        }
    }
    if (!verdict.allowed) {
        refuse(charge, verdict, Source::redis);
        return;
    }
    charge.step = {};
    charge.verdict = verdict;
    charge.source = Source::redis;
    charge.charged_at = answer.charged_at;
    charge.held = answer.allowed ? Held::redis : Held::nothing;
}

// Tells Redis of a request that was admitted in advance.
void Decision::send(Charge& charge) {
    const redis::Failure failure = worker_.confirmations.add(
        *charge.zone, charge.slot, key_of(charge), *charge.policy, charge.cost, charge.step);
    if (failure == redis::Failure::none) {
        charge.held = Held::sent;
        return;
    }
    KeyAccess(*charge.zone, charge.slot, *charge.policy, ngx::monotonic_microseconds())
        ->give_up(charge.step);
    fall_back(charge);
}

void Decision::unanswered() noexcept {
    for (Charge* charge : asked_) {
        if (charge->held == Held::asking) {
            KeyAccess(*charge->zone, charge->slot, *charge->policy, ngx::monotonic_microseconds())
                ->give_up(charge->step);
            fall_back(*charge);
        }
    }
}

void Decision::answered(const redis::Reply& reply) noexcept {
    try {
        take(reply);
    } catch (const std::bad_alloc&) {
        unanswered();
    }
    wake();
}

void Decision::failed(redis::Failure) noexcept {
    unanswered();
    wake();
}

void Decision::debited(redis::Failure failure) noexcept {
    Charge* charge = first(Held::debiting);
    charge->held = Held::asking;
    try {
        if (failure == redis::Failure::none) {
            consider(*charge);
        } else {
            fall_back(*charge);
        }
    } catch (const std::bad_alloc&) {
        fall_back(*charge);
    }
    wake();
}

}  // namespace gatehouse::rate_limit
