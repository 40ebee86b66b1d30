#include "connection_limit/connection.hpp"

#include <algorithm>
#include <utility>

#include "ngx/clock.hpp"
#include "ngx/pool.hpp"

namespace gatehouse::connection_limit {

Lease& Lease::operator=(Lease&& other) noexcept {
    end();
    zone_ = std::exchange(other.zone_, nullptr);
    lease_ = other.lease_;
    return *this;
}

void Lease::end() noexcept {
    if (Zone* zone = std::exchange(zone_, nullptr)) {
        const ZoneLock lock(*zone);
        zone->leases().release(lease_, zone->owner, ngx::turn_microseconds());
    }
}

Connection& Connection::obtain(ngx_connection_t* c) {
    auto* known = ngx::find_made<Connection>(c->pool, [](const Connection&) { return true; });
    return known != nullptr ? *known : *ngx::make<Connection>(c->pool);
}

bool Connection::holds(const Zone& zone, const base::Hash128& key) const noexcept {
    return std::any_of(held_.begin(), held_.end(),
                       [&](const Held& held) { return held.key == key && held.lease.is_of(zone); });
}

// No lease was taken into them.
void Connection::forget_vacancies() noexcept {
    std::erase_if(held_, [](const Held& held) { return !held.lease.held(); });
}

void Connection::give_back(std::size_t count) noexcept {
    forget_vacancies();
    held_.erase(held_.end() - static_cast<std::ptrdiff_t>(std::min(count, held_.size())),
                held_.end());
}

Lease* Connection::vacancy(const base::Hash128& key) {
    forget_vacancies();
    if (held_.size() == kMost) {
        return nullptr;
    }
    return &held_.emplace_back(Held{key, {}}).lease;
}

Accepted* Accepted::find(const ngx_connection_t* c) noexcept {
    return ngx::find_made<Accepted>(c->pool, [](const Accepted&) { return true; });
}

ngx_connection_t* client_connection(const ngx_http_request_t* r) noexcept {
#if (NGX_HTTP_V2)
    if (r->stream != nullptr) {
        return r->stream->connection->connection;
    }
#endif
#if (NGX_HTTP_V3)
    if (r->connection->quic != nullptr) {
        return r->connection->quic->parent;
    }
#endif
    return r->connection;
}

Attempt take(Zone& zone, const base::Hash128& key, std::uint32_t most, Counter refusal,
             Lease& lease, ngx_log_t* log) noexcept {
    LeaseTable::Taken taken;
    {
        const ZoneLock lock(zone);
        taken = zone.leases().take(key, zone.owner, most, ngx::turn_microseconds());
    }
    return settle(zone, taken, refusal, lease, log);
}

Attempt settle(Zone& zone, const LeaseTable::Taken& taken, Counter refusal, Lease& lease,
               ngx_log_t* log) noexcept {
    if (taken.evicted) {
        zone.count(Counter::evicted);
    }
    switch (taken.outcome) {
    case LeaseTable::Outcome::held:
        zone.count(Counter::held);
        lease = Lease(zone, taken.lease);
        return {false, taken.count};
    case LeaseTable::Outcome::refused:
        zone.count(refusal);
        return {true, taken.count};
    case LeaseTable::Outcome::full:
        break;
    }
    return {refused_as_full(zone, log), 0};
}

bool refused_as_full(Zone& zone, ngx_log_t* log) noexcept {
    zone.count(Counter::full);
    if (zone.full_gate.open()) {
        ngx_log_error(NGX_LOG_WARN, log, 0, "zone \"%*s\" is full", zone.title.size(),
                      zone.title.data());
    }
    return zone.on_full == OnFull::deny;
}

}  // namespace gatehouse::connection_limit
