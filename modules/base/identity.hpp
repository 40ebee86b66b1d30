#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::base {

// What is one client's of an IPv6 address unless the configuration says otherwise: providers give
// out networks of this length or a shorter one.
inline constexpr unsigned kIpv6Prefix = 64;

// How the bytes of a zone's key are read.
enum class KeyKind : std::uint8_t {
    text,            // as they are
    binary_address,  // $binary_remote_addr: 4 or 16 octets, network order
    address,         // $remote_addr, $realip_remote_addr, $proxy_protocol_addr: text
};

// By the expression that a zone's key is in the configuration. `${name}` is `$name`, and as in
// nginx the case of a name does not count.
KeyKind key_kind(std::string_view expression) noexcept;

// Whether the key is the address of the connection itself, as realip may have corrected it:
// $binary_remote_addr or $remote_addr.
bool is_connection_address(std::string_view expression) noexcept;

// What is counted by: the value of a zone's key, but of an IPv6 address only the first
// `ipv6_prefix` bits, and of an IPv4 address mapped into IPv6 the IPv4 address. A unix socket's
// peer has no address and stays what it is, as does a text that is no address. Addresses are octets
// after a 4 or a 6, whatever form they came in. The result is a view of `value` or of `storage`.
std::string_view identity(KeyKind kind, std::string_view value, unsigned ipv6_prefix,
                          std::array<char, 17>& storage) noexcept;

// An address as identity() writes it, in text: `192.0.2.1`, or `2001:db8::/64` with the prefix it
// was cut to; without one of 128. Throws std::bad_alloc.
std::string address_text(std::string_view identity, unsigned ipv6_prefix);

}  // namespace gatehouse::base
