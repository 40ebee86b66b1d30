#include "redis/block_server.hpp"

#include <arpa/inet.h>

#include "redis/core/address.hpp"
#include "redis/core/url.hpp"

namespace gatehouse::redis {
namespace {

constexpr std::string_view kUnix = "unix:";

bool parse_ipv4(const std::string& text, in_addr& address) noexcept {
    return inet_pton(AF_INET, text.c_str(), &address) == 1;
}

bool parse_ipv6(const std::string& text, in6_addr& address) noexcept {
    return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool is_ipv6(std::string_view host) noexcept { return host.find(':') != std::string_view::npos; }

// The message about a value that is no address: what is wrong and, where habits of clients are to
// be seen, what is expected.
std::string explain(std::string_view problem, std::string_view text) {
    const auto in_server = [](std::string_view what, std::string_view shown) {
        return std::string(what).append(" in server \"").append(shown).append("\"");
    };
    if (const auto url = read_url(text)) {
        return in_server("invalid address", url->shown) + "; write " + url->instead;
    }
    const bool several = text.find_first_of(", \t") != text.npos;
    return in_server(problem, text) +
           (several ? "; each address needs a \"server\" of its own" : "");
}

ParsedServer unix_server(ngx_conf_t* cf, std::string_view text) {
    const std::string_view path = text.substr(kUnix.size());
    if (read_url(text)) {
        return {{}, explain({}, text)};
    }
    if (path.empty()) {
        return {{}, explain("no path in the unix domain socket", kUnix)};
    }
    ngx_str_t name = ngx::copy(cf->pool, path);
    if (ngx_get_full_name(cf->pool, &cf->cycle->prefix, &name) != NGX_OK) {
        throw std::bad_alloc();
    }
    if (name.len >= sizeof(sockaddr_un::sun_path)) {
        return {{}, explain("too long path in the unix domain socket", text)};
    }
    Server server;
    server.host = ngx::view(name);
    server.name = std::string(kUnix) + server.host;
    return {std::move(server), {}};
}

// `text` split into host and port, which is empty if there is none.
struct HostPort {
    std::string_view host, port;
    std::string_view problem = {};
};

HostPort split(std::string_view text) noexcept {
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos || !is_ipv6(text.substr(0, end))) {
            return {{}, {}, "invalid IPv6 address"};
        }
        const std::string_view rest = text.substr(end + 1);
        if (!rest.empty() && (rest.front() != ':' || rest.size() == 1)) {
            return {{}, {}, "invalid port"};
        }
        return {text.substr(1, end - 1), rest.substr(rest.empty() ? 0 : 1)};
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        return {text, {}};
    }
    if (text.find(':', colon + 1) != std::string_view::npos) {
        const bool digits = text.find_first_not_of("0123456789abcdefABCDEF:.") == text.npos;
        return {{}, {}, digits ? "an IPv6 address needs brackets" : "invalid host"};
    }
    if (colon + 1 == text.size()) {
        return {{}, {}, "invalid port"};
    }
    return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

ParsedServer parse_server(ngx_conf_t* cf, std::string_view text, std::uint16_t default_port) {
    if (text.starts_with(kUnix)) {
        return unix_server(cf, text);
    }
    const HostPort parts = split(text);
    if (!parts.problem.empty()) {
        return {{}, explain(parts.problem, text)};
    }
    const auto port = parts.port.empty() ? std::optional(default_port) : parse_port(parts.port);
    if (!port) {
        return {{}, explain("invalid port", text)};
    }
    if (!valid_host(parts.host)) {
        return {{}, explain(is_ipv6(parts.host) ? "invalid IPv6 address" : "invalid host", text)};
    }
    Server server;
    server.port = *port;
    server.host = parts.host == "localhost" ? "127.0.0.1" : parts.host;
    const bool bracketed = is_ipv6(parts.host);
    server.name.append(bracketed ? "[" : "").append(parts.host).append(bracketed ? "]:" : ":");
    server.name += std::to_string(*port);
    // The resolver would be asked for what was meant to be an address.
    if (parts.host.find_first_not_of("0123456789.") == std::string_view::npos &&
        !has_address(server)) {
        return {{}, explain("invalid IPv4 address", text)};
    }
    return {std::move(server), {}};
}

bool has_address(const Server& server) noexcept {
    in_addr ipv4;
    return is_unix(server) || is_ipv6(server.host) || parse_ipv4(server.host, ipv4);
}

bool is_local(const Server& server) noexcept {
    if (is_unix(server)) {
        return true;
    }
    in_addr ipv4;
    if (parse_ipv4(server.host, ipv4)) {
        return ntohl(ipv4.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    in6_addr ipv6;
    return parse_ipv6(server.host, ipv6) && IN6_IS_ADDR_LOOPBACK(&ipv6);
}

}  // namespace gatehouse::redis
