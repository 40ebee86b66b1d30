#include "connection_limit/accept.hpp"

#include <string_view>

#include "connection_limit/connection.hpp"
#include "connection_limit/identify.hpp"
#include "connection_limit/module.hpp"
#include "ngx/clock.hpp"
#include "ngx/log.hpp"
#include "ngx/log_gate.hpp"

namespace gatehouse::connection_limit {
namespace {

// The same address is counted apart as one that is connected and as one that shakes hands; and
// apart from what connection_limit counts in the same zone.
base::Hash128 as_connected(base::Hash128 key) noexcept {
    key.high ^= 1;
    return key;
}
base::Hash128 as_handshake(base::Hash128 key) noexcept {
    key.high ^= 2;
    return key;
}

in_port_t port_of(const sockaddr* address) noexcept {
    return ngx_inet_get_port(const_cast<sockaddr*>(address));
}

const Listener* find_listener(const MainConf& conf, const sockaddr* address) noexcept {
    for (const MainConf::Port& port : conf.ports) {
        if (port.family == address->sa_family && port.port == port_of(address)) {
            return &port.listener;
        }
    }
    return nullptr;
}

bool is_banned(Zone& zone, const base::Hash128& key, std::int64_t now) noexcept {
    const ngx::ZoneLock lock(zone);
    return zone.bans().until(key, now) != 0;
}

bool too_fast(const AcceptLimit& limit, const base::Hash128& key, std::int64_t now) noexcept {
    if (limit.rate == 0) {
        return false;
    }
    const ngx::ZoneLock lock(*limit.zone);
    return !limit.zone->rates().accept(key, limit.rate, now);
}

// Why the connection is not wanted; empty: it is. The leases that it was given end with it.
std::string_view check(ngx_connection_t* c, const AcceptLimit& limit, const Listener& listener,
                       std::size_t place) {
    Zone& zone = *limit.zone;
    const auto key = identify(c, zone);
    if (!key) {
        return {};
    }
    const auto action = listed(listener.lists, zone, c->sockaddr);
    if (action == Action::allow) {
        return {};
    }
    const std::int64_t now = ngx::monotonic_microseconds();
    if (action == Action::deny || is_banned(zone, *key, now)) {
        zone.count(Counter::banned);
        return "access forbidden";
    }
    if (too_fast(limit, *key, now)) {
        zone.count(Counter::refused);
        return "limiting new connections";
    }
    Connection& connection = Connection::obtain(c);
    if (take(zone, as_connected(*key), limit.most, connection.accepted(place)).refused) {
        return "limiting connections";
    }
    if (limit.handshakes > 0 &&
        take(zone, as_handshake(*key), limit.handshakes, connection.handshake(place)).refused) {
        return "limiting handshakes";
    }
    return {};
}

// A flood must not fill the log: the counters of the zone know how many there were.
void log_refusal(const ngx_connection_t* c, std::string_view what, const Zone& zone) noexcept {
    static ngx::LogGate gate;
    if (gate.open()) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0, "%*s at accept by zone \"%*s\", client: %V",
                      what.size(), what.data(), zone.title.size(), zone.title.data(),
                      &c->addr_text);
    }
}

bool wanted(ngx_connection_t* c, const Listener& listener) {
    if (listener.trusted != nullptr &&
        ngx_cidr_match(c->sockaddr, const_cast<ngx_array_t*>(listener.trusted)) == NGX_OK) {
        return true;
    }
    for (std::size_t i = 0; i < listener.limits.size(); ++i) {
        const std::string_view problem = check(c, listener.limits[i], listener, i);
        if (!problem.empty()) {
            log_refusal(c, problem, *listener.limits[i].zone);
            return false;
        }
    }
    return true;
}

// Before anything is known of the connection but its addresses: nothing was read, no TLS begun.
void init_connection(ngx_connection_t* c) {
    const auto& conf = *static_cast<const MainConf*>(
        ngx_http_cycle_get_module_main_conf(ngx_cycle, ngx_http_gatehouse_connection_limit_module));
    const Listener* listener = find_listener(conf, c->listening->sockaddr);
    bool welcome = false;
    try {
        welcome = listener == nullptr || wanted(c, *listener);
    } catch (const std::bad_alloc&) {
        ngx::log_exception(c->log);
    }
    if (welcome) {
        ngx_http_init_connection(c);
    } else {
        ngx_http_close_connection(c);
    }
}

void init_connection_guarded(ngx_connection_t* c) noexcept { init_connection(c); }

// The array that set_real_ip_from has filled: the first member of realip's configuration, in all
// versions of nginx that have the module. Null without it.
const ngx_array_t* trusted_by(ngx_conf_t* cf, const ngx_http_core_srv_conf_t& server) noexcept {
    for (ngx_module_t** module = cf->cycle->modules; *module != nullptr; ++module) {
        if (std::string_view((*module)->name) == "ngx_http_realip_module") {
            void* conf = server.ctx->loc_conf[(*module)->ctx_index];
            return *static_cast<const ngx_array_t* const*>(conf);
        }
    }
    return nullptr;
}

const SrvConf& conf_of(const ngx_http_core_srv_conf_t& server) noexcept {
    return *static_cast<const SrvConf*>(
        server.ctx->srv_conf[ngx_http_gatehouse_connection_limit_module.ctx_index]);
}

// Two servers may say the same; they must not count a connection twice.
void merge_into(Listener& listener, const SrvConf& conf) {
    for (const AcceptLimit& limit : conf.accept) {
        bool known = false;
        for (AcceptLimit& other : listener.limits) {
            if (other.zone == limit.zone) {
                known = true;
                other.most = std::min(other.most, limit.most);
            }
        }
        if (!known && listener.limits.size() < Connection::kMostAccepted) {
            listener.limits.push_back(limit);
        }
    }
    listener.lists.insert(listener.lists.end(), conf.lists.begin(), conf.lists.end());
}

}  // namespace

ngx::ConfResult collect_ports(ngx_conf_t* cf, MainConf& conf) {
    const auto& core = ngx::main_conf<ngx_http_core_main_conf_t>(cf, ngx_http_core_module);
    if (core.ports == nullptr) {
        return ngx::kConfOk;
    }
    const std::span ports(static_cast<ngx_http_conf_port_t*>(core.ports->elts), core.ports->nelts);
    for (const ngx_http_conf_port_t& port : ports) {
        Listener listener;
        bool proxied = false;
        for (const auto& addr :
             std::span(static_cast<ngx_http_conf_addr_t*>(port.addrs.elts), port.addrs.nelts)) {
            proxied = proxied || addr.opt.proxy_protocol != 0;
            for (const auto* server :
                 std::span(static_cast<ngx_http_core_srv_conf_t**>(addr.servers.elts),
                           addr.servers.nelts)) {
                merge_into(listener, conf_of(*server));
                if (listener.trusted == nullptr) {
                    listener.trusted = trusted_by(cf, *server);
                }
            }
        }
        if (listener.limits.empty() || port.family == AF_UNIX) {
            continue;
        }
        if (proxied) {
            ngx::log_conf_warning(cf, listener.limits.front().place,
                                  "\"connection_limit_accept\" counts nothing on port " +
                                      std::to_string(port.port) +
                                      ", where the peers are proxies (\"proxy_protocol\")");
            continue;
        }
        conf.ports.push_back({static_cast<int>(port.family), port.port, std::move(listener)});
    }
    return ngx::kConfOk;
}

void wrap_listeners(ngx_cycle_t* cycle, const MainConf& conf) noexcept {
    const std::span sockets(static_cast<ngx_listening_t*>(cycle->listening.elts),
                            cycle->listening.nelts);
    for (ngx_listening_t& socket : sockets) {
        // Those of QUIC have a handler of their own.
        if (socket.handler == ngx_http_init_connection &&
            find_listener(conf, socket.sockaddr) != nullptr) {
            socket.handler = init_connection_guarded;
        }
    }
}

}  // namespace gatehouse::connection_limit
