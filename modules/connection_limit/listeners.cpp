#include "connection_limit/listeners.hpp"

#include <algorithm>
#include <span>

#include "connection_limit/connection.hpp"
#include "connection_limit/module.hpp"

namespace gatehouse::connection_limit {
namespace {

template <class Conf>
const Conf& conf_of(void** confs) noexcept {
    return *static_cast<const Conf*>(confs[ngx_http_gatehouse_connection_limit_module.ctx_index]);
}

// The array that set_real_ip_from has filled: the first member of realip's configuration, in all
// versions of nginx that have the module. Null without it.
const ngx_array_t* trusted_by(const ngx_conf_t* cf, const ngx_http_core_srv_conf_t& server) {
    for (ngx_module_t** module = cf->cycle->modules; *module != nullptr; ++module) {
        if (std::string_view((*module)->name) == "ngx_http_realip_module") {
            const void* conf = server.ctx->loc_conf[(*module)->ctx_index];
            return *static_cast<const ngx_array_t* const*>(conf);
        }
    }
    return nullptr;
}

void add_exempted(Listener& listener, const ngx_array_t* addresses) {
    auto& known = listener.exempted;
    if (addresses != nullptr && std::find(known.begin(), known.end(), addresses) == known.end()) {
        known.push_back(addresses);
    }
}

// 0: none.
std::uint32_t stricter(std::uint32_t one, std::uint32_t other) noexcept {
    return one == 0 || other == 0 ? std::max(one, other) : std::min(one, other);
}

// Two servers may name the same zone; they must not count a connection twice.
void merge_limit(std::vector<AcceptLimit>& limits, const AcceptLimit& limit) {
    const auto known = std::find_if(limits.begin(), limits.end(), [&](const AcceptLimit& other) {
        return other.zone == limit.zone;
    });
    if (known == limits.end()) {
        limits.push_back(limit);
        return;
    }
    // What is only tried out does not bind those who mean it.
    if (known->dry_run != limit.dry_run) {
        if (known->dry_run) {
            *known = limit;
        }
        return;
    }
    known->most = std::min(known->most, limit.most);
    known->handshakes = stricter(known->handshakes, limit.handshakes);
    known->rate = stricter(known->rate, limit.rate);
}

void merge_list(std::vector<List>& lists, const List& list) {
    const auto same = [&](const List& other) {
        return other.zone == list.zone && other.addresses == list.addresses;
    };
    if (std::none_of(lists.begin(), lists.end(), same)) {
        lists.push_back(list);
    }
}

// Those by address are told by what is known at accept.
void merge_bans(Listener& listener, const LocConf& conf) {
    if (conf.dry_run) {
        return;
    }
    for (const BanLimit& ban : conf.bans) {
        const auto same = [&](const BanLimit& other) { return other.zone == ban.zone; };
        if (ban.zone->of_connection && (ban.causes & kByLimit) != 0 &&
            std::none_of(listener.bans.begin(), listener.bans.end(), same)) {
            listener.bans.push_back(ban);
        }
    }
}

void merge_server(const ngx_conf_t* cf, Listener& listener,
                  const ngx_http_core_srv_conf_t& server) {
    const auto& conf = conf_of<SrvConf>(server.ctx->srv_conf);
    const auto& outermost = conf_of<LocConf>(server.ctx->loc_conf);
    for (AcceptLimit limit : conf.accept) {
        limit.dry_run = outermost.dry_run;
        limit.log_level = outermost.log_level;
        merge_limit(listener.limits, limit);
    }
    for (const List& list : conf.lists) {
        merge_list(listener.lists, list);
    }
    merge_bans(listener, outermost);
    add_exempted(listener, trusted_by(cf, server));
    add_exempted(listener, outermost.bypass.addresses);
}

// It may have the address and port of a TCP socket.
bool is_quic([[maybe_unused]] const ngx_http_conf_addr_t& address) noexcept {
#if (nginx_version >= 1025000)
    return address.opt.quic != 0;
#else
    return false;
#endif
}

std::string text_of(const ngx_http_conf_addr_t& address) {
    return std::string(ngx::view(address.opt.addr_text));
}

// False: refused, which has been logged.
bool check(ngx_conf_t* cf, const ngx_http_conf_addr_t& address, Listener& listener) {
    if (listener.limits.size() > Accepted::kMost) {
        ngx::log_conf_error(cf, listener.limits.back().place,
                            "more than " + std::to_string(Accepted::kMost) +
                                " zones of \"connection_limit_accept\" for " + text_of(address));
        return false;
    }
    if (address.opt.proxy_protocol != 0 && !listener.limits.empty()) {
        ngx::log_conf_warning(cf, listener.limits.front().place,
                              "\"connection_limit_accept\" counts nothing on " + text_of(address) +
                                  ", where the peers are proxies (\"proxy_protocol\")");
        listener.limits.clear();
    }
    return true;
}

}  // namespace

ngx::ConfResult collect_listeners(ngx_conf_t* cf, MainConf& conf) {
    const auto& core = ngx::main_conf<ngx_http_core_main_conf_t>(cf, ngx_http_core_module);
    if (core.ports == nullptr) {
        return ngx::kConfOk;
    }
    const auto elements = []<class T>(const ngx_array_t& array, T*) {
        return std::span(static_cast<T*>(array.elts), array.nelts);
    };
    for (const auto& port : elements(*core.ports, static_cast<ngx_http_conf_port_t*>(nullptr))) {
        if (port.family == AF_UNIX) {
            continue;
        }
        for (const auto& address :
             elements(port.addrs, static_cast<ngx_http_conf_addr_t*>(nullptr))) {
            if (is_quic(address)) {
                continue;
            }
            Listener listener{address.opt.sockaddr, address.opt.socklen, {}, {}, {}, {}};
            for (const auto* server :
                 elements(address.servers, static_cast<ngx_http_core_srv_conf_t**>(nullptr))) {
                merge_server(cf, listener, *server);
            }
            if (!check(cf, address, listener)) {
                return ngx::kConfError;
            }
            conf.listeners.push_back(std::move(listener));
        }
    }
    return ngx::kConfOk;
}

}  // namespace gatehouse::connection_limit
