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

Decision::Decision(ngx_http_request_t* r, const LocConf& conf) : request_(r) {
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
    charge.policy = policy_of(request_, limit);
    charge.cost = cost;
    if (zone.backend != nullptr) {
        ngx_http_complex_value_t* prefix = zone.backend->prefix;
        charge.redis_key =
            redis_key(prefix == nullptr ? kPrefix : ngx::evaluate(request_, prefix), zone.name,
                      zone.algorithm, base::siphash128(zone.identity_key, id));
    }
    // What Redis counts apart, by prefix or secret, this node has to know apart.
    charge.slot = slot_of(zone, zone.backend != nullptr ? charge.redis_key : id);
}

Decision::State Decision::advance() {
    if (redis::Waiter::waiting() || expects_debit()) {
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
void Decision::consider(Charge& charge) noexcept {
    const Zone& zone = *charge.zone;
    if (zone.backend == nullptr) {
        charge_here(charge);
        return;
    }
    if (!worker().client(zone).usable(charge.redis_key)) {
        fall_back(charge);
        return;
    }
    const std::int64_t now = ngx::monotonic_microseconds();
    charge.step = KeyAccess(zone, charge.slot, charge.policy, now)
                      ->consider(charge.policy, charge.cost, now, patience(zone));
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

LeaseKey Decision::lease_key(const Charge& charge) noexcept {
    return {*charge.zone, charge.slot, charge.redis_key, charge.policy};
}

// A lease that comes to its end is renewed behind the request's back, or in front of it if nothing
// is left; for one request that is waited for once.
void Decision::start_debit(Charge& charge) noexcept {
    const std::uint32_t requests = std::exchange(charge.step.debit, 0);
    const bool started =
        requests == 0 || worker().debits.start(lease_key(charge), requests) == redis::Failure::none;
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
    if (!charge.debited && worker().debits.join(lease_key(charge), *this)) {
        charge.debited = true;
        return true;
    }
    // Another worker is asking, or has asked in vain: this one request is charged by itself.
    charge.held = Held::asking;
    return false;
}

void Decision::charge_here(Charge& charge) noexcept {
    const Zone& zone = *charge.zone;
    const std::int64_t now = ngx::monotonic_microseconds();
    const Verdict verdict = KeyAccess(zone, charge.slot, charge.policy, now)
                                ->charge_here(charge.policy, charge.cost, now);
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

// One call for this charge and all others that it may name.
bool Decision::ask(Charge& first) {
    redis::Client& client = worker().client(*first.zone);
    Arguments arguments;
    std::vector<std::string_view> keys;
    asked_.clear();
    for (Charge& charge : charges_) {
        if (charge.held == Held::asking && charge.zone->backend == first.zone->backend &&
            client.together(first.redis_key, charge.redis_key)) {
            arguments.add_charge({&charge.policy, charge.cost, Item::Kind::whole, 0});
            keys.push_back(charge.redis_key);
            asked_.push_back(&charge);
        }
    }
    sent_ = ngx::monotonic_microseconds();
    const redis::Failure failure = client.call(worker().charge, keys, arguments.view(), this);
    if (failure != redis::Failure::none) {
        unanswered();
        return false;
    }
    return true;
}

void Decision::take(const redis::Reply& reply) {
    std::vector<Item> items;
    for (const Charge* charge : asked_) {
        items.push_back({&charge->policy, charge->cost, Item::Kind::whole, 0});
    }
    std::vector<Charged> charged(items.size());
    const auto answer = read_charge(reply, items, charged);
    if (!answer) {
        unanswered();
        return;
    }
    const std::int64_t now = ngx::monotonic_microseconds();
    for (std::size_t i = 0; i < asked_.size(); ++i) {
        Charge& charge = *asked_[i];
        const Verdict& verdict = charged[i].verdict;
        KeyAccess(*charge.zone, charge.slot, charge.policy, now)
            ->settle(charge.step, charge.policy, charge.cost, verdict, sent_, now);
        if (!verdict.allowed) {
            refuse(charge, verdict, Source::redis);
            continue;
        }
        charge.step = {};
        charge.verdict = verdict;
        charge.source = Source::redis;
        charge.charged_at = answer->charged_at;
        charge.held = answer->allowed ? Held::redis : Held::nothing;
    }
}

// Tells Redis of a request that was admitted in advance.
void Decision::send(Charge& charge) {
    const redis::Failure failure = worker().confirmations.send(
        *charge.zone, charge.slot, charge.redis_key, charge.policy, charge.cost, charge.step);
    if (failure == redis::Failure::none) {
        charge.held = Held::sent;
        return;
    }
    KeyAccess(*charge.zone, charge.slot, charge.policy, ngx::monotonic_microseconds())
        ->give_up(charge.step);
    fall_back(charge);
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
        KeyAccess(*charge.zone, charge.slot, charge.policy, now)
            ->take_back(charge.step, charge.policy, charge.cost, charge.charged_at, now);
        return;
    case Held::unsent:
    case Held::asking:
    case Held::debiting:
        KeyAccess(*charge.zone, charge.slot, charge.policy, now)->give_up(charge.step);
        return;
    case Held::redis: {
        Arguments arguments;
        arguments.add_refund({&charge.policy, charge.cost, Item::Kind::whole, 0}, charge.cost,
                             charge.charged_at);
        const std::string_view key = charge.redis_key;
        // Without it the key stays charged: the bound holds all the same.
        worker().client(*charge.zone).call(worker().refund, {&key, 1}, arguments.view(), nullptr);
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
            charge.policy.windows()[charge.verdict.window].time_of(*charge.limit->undelayed);
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
    outcome.window = decisive->policy.windows()[decisive->verdict.window];
    outcome.verdict = decisive->verdict;
    outcome.source = decisive->source;
    outcome.known = decisive->known;
    outcome.delay = refused_ == nullptr ? delay() : 0;
    return outcome;
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

void Decision::unanswered() noexcept {
    for (Charge* charge : asked_) {
        if (charge->held == Held::asking) {
            KeyAccess(*charge->zone, charge->slot, charge->policy, ngx::monotonic_microseconds())
                ->give_up(charge->step);
            fall_back(*charge);
        }
    }
}

void Decision::debited(redis::Failure failure) noexcept {
    Charge* charge = first(Held::debiting);
    charge->held = Held::asking;
    if (failure != redis::Failure::none) {
        fall_back(*charge);
    } else {
        consider(*charge);
    }
    wake();
}

// Runs the request's phases again, at the handler that has suspended it.
void Decision::wake() noexcept {
    ngx_http_request_t* r = request_;
    ngx_connection_t* c = r->connection;
    ngx_http_set_log_request(c->log, r);
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;
    if (ngx_handle_read_event(c->read, 0) == NGX_OK) {
        ngx_http_core_run_phases(r);
    } else {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
    ngx_http_run_posted_requests(c);
}

}  // namespace gatehouse::rate_limit
