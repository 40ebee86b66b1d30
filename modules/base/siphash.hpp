#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::base {

struct SipKey {
    std::uint64_t k0 = 0;
    std::uint64_t k1 = 0;
};

struct Hash128 {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    friend bool operator==(const Hash128&, const Hash128&) = default;
};

// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, reference implementation's
// vectors_sip128), a pseudorandom function of `text`: who does not know the key can neither invert
// it nor make texts collide. `low` holds output octets 0..7, little-endian.
Hash128 siphash128(const SipKey& key, std::string_view text) noexcept;

// The 32 lower-case hexadecimal digits of the 16 output octets, in their order.
std::array<char, 32> to_hex(const Hash128& hash) noexcept;

}  // namespace gatehouse::base
