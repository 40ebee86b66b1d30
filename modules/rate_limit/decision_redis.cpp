// What a decision does with Redis: calls, debits, answers and their failure.

#include <utility>

#include "ngx/clock.hpp"
#include "rate_limit/decision.hpp"
#include "rate_limit/memory.hpp"
#include "rate_limit/worker.hpp"

namespace gatehouse::rate_limit {

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

// One question about this charge and all others that one call may name.
bool Decision::ask(Charge& first) {
    const redis::Client& client = worker_.client(*first.zone);
    std::vector<std::string_view> keys;
    std::vector<Question> questions;
    asked_.clear();
    for (Charge& charge : charges_) {
        if (charge.held == Held::asking && charge.zone->backend == first.zone->backend &&
            client.together(key_of(first), key_of(charge))) {
            keys.push_back(key_of(charge));
            questions.push_back(
                {charge.zone, charge.slot, charge.policy, charge.cost, charge.step});
            asked_.push_back(&charge);
        }
    }
    if (worker_.inquiries.ask(keys, std::move(questions), *this) == redis::Failure::none) {
        return true;
    }
    for (Charge* charge : asked_) {
        KeyAccess(*charge->zone, charge->slot, *charge->policy, ngx::monotonic_microseconds())
            ->give_up(charge->step);
        fall_back(*charge);
    }
    return false;
}

void Decision::told(const ChargeReply* answer, std::span<const Charged> charged) noexcept {
    for (std::size_t i = 0; i < asked_.size(); ++i) {
        Charge& charge = *asked_[i];
        charge.step = {};
        if (answer == nullptr) {
            fall_back(charge);
            continue;
        }
        const Verdict& verdict = charged[i].verdict;
        if (!verdict.allowed) {
            refuse(charge, verdict, Source::redis);
            continue;
        }
        charge.verdict = verdict;
        charge.source = Source::redis;
        charge.charged_at = answer->charged_at;
        charge.held = answer->allowed ? Held::redis : Held::nothing;
    }
    wake();
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
