#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/siphash.hpp"
#include "rate_limit/core/policy.hpp"

namespace gatehouse::rate_limit {

// How the bytes of a zone's key are read.
enum class KeyKind : std::uint8_t {
    text,            // as they are
    binary_address,  // $binary_remote_addr: 4 or 16 octets, network order
    address,         // $remote_addr: text
};

// What is counted by: the value of a zone's key, but of an IPv6 address only the first
// `ipv6_prefix` bits, and of an IPv4 address mapped into IPv6 the IPv4 address. A unix socket's
// peer has no address and stays what it is, as does a text that is no address. Addresses are octets
// after a 4 or a 6, whatever form they came in. The result is a view of `value` or of `storage`.
std::string_view identity(KeyKind kind, std::string_view value, unsigned ipv6_prefix,
                          std::array<char, 17>& storage) noexcept;

// Makes the key of the hash that identities are stored under in Redis, from the secret of
// identity_secret_file (may be empty: then hashes hide nothing from who can guess) and from what
// must tell zones apart: a zone's name and the text of its key expression.
base::SipKey identity_key(std::string_view secret, std::string_view zone,
                          std::string_view expression);  // throws std::bad_alloc

// `<prefix><zone>:<g|s>:<32 hexadecimal digits>`: whatever the identity is, of bounded length and
// of characters that nobody can choose. `{` and `}` in prefix and zone are replaced by `_`: they
// would choose a cluster's slot.
std::string redis_key(std::string_view prefix, std::string_view zone, Algorithm algorithm,
                      const base::Hash128& hash);  // throws std::bad_alloc

}  // namespace gatehouse::rate_limit
