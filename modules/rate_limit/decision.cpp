#include "rate_limit/decision.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "ngx/clock.hpp"
#include "ngx/request.hpp"
#include "rate_limit/memory.hpp"
#include "rate_limit/request_values.hpp"
#include "rate_limit/worker.hpp"

namespace gatehouse::rate_limit {
namespace {

// What keys in Redis begin with where the configuration does not say.
constexpr std::string_view kPrefix = "gatehouse:";

// A probe or a debit that has had no answer by then never gets one.
std::int64_t patience(const Zone& zone) noexcept {
    return zone.backend == nullptr
               ? 0
               : static_cast<std::int64_t>(zone.backend->timeout + zone.backend->connect_timeout) *
                     1000;
}

}  // namespace

Decision::Decision(ngx_http_request_t* r, const LocConf& conf) : request_(r), worker_(worker()) {
    charges_.reserve(conf.limits.size());
    for (const Limit& limit : conf.limits) {
        add(limit);
    }
}

void Decision::add(const Limit& limit) {
    const Zone& zone = *limit.zone;
    std::array<char, 17> storage;
    const std::string_view id =
        identity(zone.kind, ngx::evaluate(request_, zone.key), zone.ipv6_prefix, storage);
    const std::uint32_t cost = cost_of(request_, limit);
    if (id.empty() || cost == 0) {
        return;
    }
    Charge& charge = charges_.emplace_back();
    charge.limit = &limit;
    charge.zone = &zone;
    charge.policy = own_policy(request_, limit);
    // What counts at another rate counts for itself: no policy can tell what is left under another.
    const std::uint32_t own = charge.policy ? charge.policy->tag() : 0;
    if (!charge.policy) {
        charge.policy = zone.policy();
    }
    charge.cost = cost;
    if (zone.backend == nullptr) {
        charge.slot = slot_of(zone, {}, own, id);
        return;
    }
    // Tenants that a prefix keeps apart in Redis are to be kept apart here.
    ngx_http_complex_value_t* prefix = zone.backend->prefix;
    charge.prefix = prefix == nullptr ? kPrefix : ngx::evaluate(request_, prefix);
    charge.slot = slot_of(zone, charge.prefix, own, id);
    charge.identity = base::siphash128({zone.identity_key.k0, zone.identity_key.k1 ^ own}, id);
}

// Made when it is needed: most of what is refused, or paid for in advance, gets by without.
std::string_view Decision::key_of(Charge& charge) {
    if (charge.redis_key.empty()) {
        charge.redis_key =
            redis_key(charge.prefix, charge.zone->name, charge.zone->algorithm, charge.identity);
    }
    return charge.redis_key;
}

bool Decision::usable(Charge& charge) {
    const bool one_for_all = charge.zone->backend->topology != redis::Topology::cluster;
    return worker_.client(*charge.zone).usable(one_for_all ? std::string_view() : key_of(charge));
}

Decision::State Decision::advance() {
    if (expects_answer() || expects_debit()) {
        return State::waiting;
    }
    if (!considered_) {
        considered_ = true;
        for (Charge& charge : charges_) {
            if (refused_ == nullptr) {
                consider(charge);
            }
        }
    }
    while (refused_ == nullptr) {
        if (Charge* debiting = first(Held::debiting)) {
            if (wait_for_debit(*debiting)) {
                return State::waiting;
            }
        } else if (Charge* asking = first(Held::asking)) {
            if (ask(*asking)) {
                return State::waiting;
            }
        } else if (Charge* unsent = first(Held::unsent)) {
            send(*unsent);
        } else {
            return State::passed;
        }
    }
    roll_back();
    return State::refused;
}

// What this node can say about a charge by itself.
void Decision::consider(Charge& charge) {
    const Zone& zone = *charge.zone;
    if (zone.backend == nullptr) {
        charge_here(charge);
        return;
    }
    if (!usable(charge)) {
        fall_back(charge);
        return;
    }
    const std::int64_t now = ngx::monotonic_microseconds();
    charge.step = KeyAccess(zone, charge.slot, *charge.policy, now)
                      ->consider(*charge.policy, charge.cost, now, patience(zone));
    charge.verdict = charge.step.verdict;
    charge.source = charge.step.source;
    charge.charged_at = now;
    switch (charge.step.kind) {
    case Step::Kind::refuse:
        refuse(charge, charge.step.verdict, charge.step.source);
        return;
    case Step::Kind::admit:
        charge.held = charge.step.placed ? Held::unsent : Held::lease;
        break;
    case Step::Kind::ask:
        charge.held = Held::asking;
        break;
    }
    if (zone.shape.mode == Mode::lease) {
        start_debit(charge);
    }
}

void Decision::charge_here(Charge& charge) noexcept {
    const Zone& zone = *charge.zone;
    const std::int64_t now = ngx::monotonic_microseconds();
    const Verdict verdict = KeyAccess(zone, charge.slot, *charge.policy, now)
                                ->charge_here(*charge.policy, charge.cost, now);
    if (!verdict.allowed) {
        refuse(charge, verdict, Source::local);
        return;
    }
    charge.verdict = verdict;
    charge.source = Source::local;
    charge.held = Held::local;
    charge.charged_at = now;
}

// Redis would have to say and cannot: on_error does.
void Decision::fall_back(Charge& charge) noexcept {
    charge.known = charge.zone->on_error == OnError::local;
    switch (charge.zone->on_error) {
    case OnError::local:
        charge_here(charge);
        return;
    case OnError::open:
        charge.source = Source::error;
        charge.held = Held::uncounted;
        return;
    case OnError::closed:
        refuse(charge, {}, Source::error);
        return;
    }
}

void Decision::refuse(Charge& charge, const Verdict& verdict, Source source) noexcept {
    charge.held = Held::nothing;
    charge.verdict = verdict;
    charge.source = source;
    if (refused_ == nullptr) {
        refused_ = &charge;
    }
}

Decision::Charge* Decision::first(Held held) noexcept {
    for (Charge& charge : charges_) {
        if (charge.held == held) {
            return &charge;
        }
    }
    return nullptr;
}

void Decision::roll_back() {
    for (Charge& charge : charges_) {
        undo(charge);
        charge.held = Held::nothing;
    }
}

void Decision::undo(Charge& charge) {
    const std::int64_t now = ngx::monotonic_microseconds();
    switch (charge.held) {
    case Held::local:
    case Held::lease:
        KeyAccess(*charge.zone, charge.slot, *charge.policy, now)
            ->take_back(charge.step, *charge.policy, charge.cost, charge.charged_at, now);
        return;
    case Held::unsent:
    case Held::asking:
    case Held::debiting:
        KeyAccess(*charge.zone, charge.slot, *charge.policy, now)->give_up(charge.step);
        return;
    case Held::redis: {
        Arguments arguments;
        arguments.add_refund(
            {charge.policy.get(), charge.cost, Item::Kind::whole, charge.zone->debt()}, charge.cost,
            charge.charged_at);
        const std::string_view key = key_of(charge);
        // Without it the key stays charged: the bound holds all the same.
        worker_.client(*charge.zone).call(worker_.refund, {&key, 1}, arguments.view(), nullptr);
        return;
    }
    case Held::nothing:
    case Held::sent:
    case Held::uncounted:
        return;
    }
}

std::int64_t Decision::delay() const noexcept {
    std::int64_t longest = 0;
    for (const Charge& charge : charges_) {
        if (!charge.limit->undelayed || !charge.known) {
            continue;
        }
        const std::int64_t free =
            charge.policy->windows()[charge.verdict.window].time_of(*charge.limit->undelayed);
        longest = std::max(longest, charge.verdict.excess - free);
    }
    return longest;
}

Outcome Decision::outcome() const noexcept {
    const Charge* decisive = refused_;
    if (decisive == nullptr) {
        for (const Charge& charge : charges_) {
            if (decisive == nullptr || (charge.known && !decisive->known) ||
                (charge.known && charge.verdict.remaining < decisive->verdict.remaining)) {
                decisive = &charge;
            }
        }
    }
    if (decisive == nullptr) {
        return {};
    }
    Outcome outcome;
    outcome.zone = decisive->zone;
    outcome.window = decisive->policy->windows()[decisive->verdict.window];
    outcome.verdict = decisive->verdict;
    outcome.source = decisive->source;
    outcome.known = decisive->known;
    outcome.delay = refused_ == nullptr ? delay() : 0;
    return outcome;
}

// May end the request, and with it this.
void Decision::wake() noexcept {
    ngx_http_request_t* r = request_;
    ngx_connection_t* c = r->connection;
    ngx_http_set_log_request(c->log, r);
    ngx::resume(r);
    ngx_http_run_posted_requests(c);
}

}  // namespace gatehouse::rate_limit
