#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace gatehouse::base {

// How the bytes of a zone's key are read.
enum class KeyKind : std::uint8_t {
    text,            // as they are
    binary_address,  // $binary_remote_addr: 4 or 16 octets, network order
    address,         // $remote_addr: text
};

// By the expression that a zone's key is in the configuration; `${name}` is `$name`.
KeyKind key_kind(std::string_view expression) noexcept;

// What is counted by: the value of a zone's key, but of an IPv6 address only the first
// `ipv6_prefix` bits, and of an IPv4 address mapped into IPv6 the IPv4 address. A unix socket's
// peer has no address and stays what it is, as does a text that is no address. Addresses are octets
// after a 4 or a 6, whatever form they came in. The result is a view of `value` or of `storage`.
std::string_view identity(KeyKind kind, std::string_view value, unsigned ipv6_prefix,
                          std::array<char, 17>& storage) noexcept;

}  // namespace gatehouse::base
