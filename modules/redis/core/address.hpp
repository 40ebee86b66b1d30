#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::redis {

// Where a server of a cluster, or a master that a sentinel knows, listens.
struct Address {
    std::string host;  // IPv4, IPv6 without brackets, or a name
    std::uint16_t port = 0;

    auto operator<=>(const Address&) const = default;
};

// Whether `host` may be given to inet_pton() or a resolver: 1 to 253 letters, digits, `.`, `-`,
// `_` and, in an IPv6 address, `:`.
bool valid_host(std::string_view host) noexcept;

// 1 to 65535 in decimal digits, without leading zeros.
std::optional<std::uint16_t> parse_port(std::string_view text) noexcept;

}  // namespace gatehouse::redis
