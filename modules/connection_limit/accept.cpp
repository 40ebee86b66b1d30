#include "connection_limit/accept.hpp"

#include <span>
#include <string_view>

#include "connection_limit/connection.hpp"
#include "connection_limit/identify.hpp"
#include "connection_limit/module.hpp"
#include "connection_limit/refusals.hpp"
#include "ngx/clock.hpp"
#include "ngx/log.hpp"
#include "ngx/pool.hpp"

namespace gatehouse::connection_limit {
namespace {

const Listener* find_listener(const MainConf& conf, sockaddr* address, socklen_t length) noexcept {
    for (const Listener& listener : conf.listeners) {
        if (ngx_cmp_sockaddr(const_cast<sockaddr*>(listener.address), listener.length, address,
                             length, 1) == NGX_OK) {
            return &listener;
        }
    }
    return nullptr;
}

// As nginx finds the servers of a connection: a socket that listens on all addresses may stand for
// servers that want only some.
const Listener* find_listener(const MainConf& conf, ngx_connection_t* c) noexcept {
    ngx_listening_t* socket = c->listening;
    if (static_cast<const ngx_http_port_t*>(socket->servers)->naddrs > 1 &&
        ngx_connection_local_sockaddr(c, nullptr, 0) == NGX_OK) {
        const Listener* own = find_listener(conf, c->local_sockaddr, c->local_socklen);
        if (own != nullptr) {
            return own;
        }
    }
    return find_listener(conf, socket->sockaddr, socket->socklen);
}

bool is_exempt(const Listener& listener, const ngx_connection_t* c) noexcept {
    for (const ngx_array_t* addresses : listener.exempted) {
        if (ngx_cidr_match(c->sockaddr, const_cast<ngx_array_t*>(addresses)) == NGX_OK) {
            return true;
        }
    }
    return false;
}

// What is asked of a zone at once, for its lock is the others', too.
struct Answer {
    bool banned = false;
    bool too_fast = false;
    bool forgotten = false;  // another address's rate
    LeaseTable::Taken connected, handshake;
};

Answer ask(const AcceptLimit& limit, const Identity& identity) noexcept {
    Zone& zone = *limit.zone;
    const std::int64_t now = ngx::turn_microseconds();
    Answer answer;
    const ZoneLock lock(zone);
    answer.banned = zone.bans().until(identity.as_client(), now) != 0;
    answer.too_fast = !answer.banned && limit.rate > 0 &&
                      !zone.rates().accept(identity.as_connected(), limit.rate, now);
    answer.forgotten = limit.rate > 0 && zone.rates().evicted();
    if (answer.banned || answer.too_fast) {
        return answer;
    }
    LeaseTable& leases = zone.leases();
    answer.connected = leases.take(identity.as_connected(), zone.owner, limit.most, now);
    const bool counted = answer.connected.outcome == LeaseTable::Outcome::held;
    const bool uncounted =
        answer.connected.outcome == LeaseTable::Outcome::full && zone.on_full == OnFull::pass;
    if (limit.handshakes > 0 && (counted || uncounted)) {
        answer.handshake = leases.take(identity.as_handshake(), zone.owner, limit.handshakes, now);
    }
    return answer;
}

// What `limit` has against the connection. The leases that it was given end with it.
struct Objection {
    std::string_view text;  // empty: none
    bool of_limit = false;  // which may bring a ban
};

Objection check(ngx_connection_t* c, const AcceptLimit& limit, const Listener& listener,
                Accepted& accepted, std::size_t place) noexcept {
    Zone& zone = *limit.zone;
    const auto identity = identify(c, zone);
    const auto action = listed(listener.lists, zone, c->sockaddr);
    if (!identity || action == Action::allow) {
        return {};
    }
    const Answer answer =
        action == Action::deny ? Answer{true, false, false, {}, {}} : ask(limit, *identity);
    if (answer.forgotten) {
        zone.count(Counter::forgotten);
    }
    if (answer.banned) {
        zone.count(Counter::banned);
        return {"access forbidden", false};
    }
    if (answer.too_fast) {
        zone.count(Counter::rate_refused);
        return {"limiting new connections", true};
    }
    if (settle(zone, answer.connected, Counter::accept_refused, accepted.connected[place], c->log)
            .refused) {
        return {"limiting connections", true};
    }
    if (limit.handshakes > 0 && settle(zone, answer.handshake, Counter::handshake_refused,
                                       accepted.handshakes[place], c->log)
                                    .refused) {
        return {"limiting handshakes", true};
    }
    return {};
}

// A flood must not fill the log: the counters of the zone know how many there were.
void log_refusal(const ngx_connection_t* c, std::string_view what, const AcceptLimit& limit) {
    Zone& zone = *limit.zone;
    if (zone.accept_gate.open()) {
        const std::string_view dry_run = limit.dry_run ? ", dry run," : "";
        ngx_log_error(limit.log_level, c->log, 0, "%*s at accept%*s by zone \"%*s\", client: %V",
                      what.size(), what.data(), dry_run.size(), dry_run.data(), zone.title.size(),
                      zone.title.data(), &c->addr_text);
    }
}

bool is_welcome(ngx_connection_t* c, const Listener& listener) {
    if (is_exempt(listener, c)) {
        return true;
    }
    auto& accepted = *ngx::make<Accepted>(c->pool);
    for (std::size_t i = 0; i < listener.limits.size(); ++i) {
        const AcceptLimit& limit = listener.limits[i];
        const Objection objection = check(c, limit, listener, accepted, i);
        if (objection.text.empty()) {
            continue;
        }
        log_refusal(c, objection.text, limit);
        if (limit.dry_run) {
            continue;
        }
        if (objection.of_limit) {
            note_refusal(c, listener, limit.log_level);
        }
        return false;
    }
    return true;
}

// Before anything is known of the connection but its addresses: nothing was read, no TLS begun.
void init_connection(ngx_connection_t* c) noexcept {
    const auto* conf = static_cast<const MainConf*>(
        ngx_http_cycle_get_module_main_conf(ngx_cycle, ngx_http_gatehouse_connection_limit_module));
    const Listener* listener = conf == nullptr ? nullptr : find_listener(*conf, c);
    bool welcome = false;
    try {
        welcome = listener == nullptr || listener->limits.empty() || is_welcome(c, *listener);
    } catch (const std::bad_alloc&) {
        ngx::log_exception(c->log);
    }
    if (welcome) {
        ngx_http_init_connection(c);
    } else {
        ngx_http_close_connection(c);
    }
}

bool has_limits(const MainConf& conf, sockaddr* address) noexcept {
    for (const Listener& listener : conf.listeners) {
        if (!listener.limits.empty() && listener.address->sa_family == address->sa_family &&
            ngx_inet_get_port(const_cast<sockaddr*>(listener.address)) ==
                ngx_inet_get_port(address)) {
            return true;
        }
    }
    return false;
}

}  // namespace

void wrap_listeners(ngx_cycle_t* cycle, const MainConf& conf) noexcept {
    const std::span sockets(static_cast<ngx_listening_t*>(cycle->listening.elts),
                            cycle->listening.nelts);
    for (ngx_listening_t& socket : sockets) {
        // Those of QUIC take their streams for connections; and their peers are whatever the
        // datagram says.
        if (socket.type != SOCK_STREAM || !has_limits(conf, socket.sockaddr)) {
            continue;
        }
        if (socket.handler == ngx_http_init_connection) {
            socket.handler = init_connection;
        } else {
            ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                          "\"connection_limit_accept\" has no effect on %V: another module "
                          "accepts there",
                          &socket.addr_text);
        }
    }
}

}  // namespace gatehouse::connection_limit
