#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// Where a socket connects to.
struct Address {
    ngx_sockaddr_t socket{};
    socklen_t length = 0;
};

// An IPv4 address, or an IPv6 address without brackets; nothing for everything else.
std::optional<Address> parse_address(std::string_view host, in_port_t port) noexcept;

// Nothing if the path is too long for a socket.
std::optional<Address> unix_address(std::string_view path) noexcept;

// What a resolver gave, with `port`.
Address with_port(const sockaddr* address, socklen_t length, in_port_t port) noexcept;

// As nginx writes it: `127.0.0.1:6379`, `[::1]:6379`, `unix:/path`. Throws std::bad_alloc.
std::string text(const Address& address);

}  // namespace gatehouse::ngx
