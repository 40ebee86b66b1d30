#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::jwt {

// The JWS algorithms that are accepted at all (RFC 7518 section 3.1, RFC 8037, RFC 8812, RFC 9864).
// `none` is not among them: a token that names it cannot be represented, let alone accepted.
enum class Algorithm : std::uint8_t {
    hs256,
    hs384,
    hs512,
    rs256,
    rs384,
    rs512,
    ps256,
    ps384,
    ps512,
    es256,
    es384,
    es512,
    es256k,
    eddsa,    // either Edwards curve, whichever the key has (RFC 8037)
    ed25519,  // fully specified (RFC 9864)
    ed448,
};
inline constexpr std::size_t kAlgorithms = 16;

// kty and crv of a JWK in one: what a key can do follows from this alone.
enum class KeyType : std::uint8_t {
    oct,
    rsa,
    rsa_pss,
    p256,
    p384,
    p521,
    secp256k1,
    ed25519,
    ed448
};

enum class Family : std::uint8_t { hmac, rsa_pkcs1, rsa_pss, ecdsa, eddsa };

struct AlgorithmTraits {
    std::string_view name;  // as in "alg", case-sensitive
    Family family;
    const char* digest;        // OpenSSL's name; null for eddsa, which brings its own
    std::size_t digest_bytes;  // also the least sensible HMAC key (RFC 7518 section 3.2)
};

const AlgorithmTraits& traits(Algorithm algorithm) noexcept;

// Nothing for a name that is not in the table, which is every spelling of "none".
std::optional<Algorithm> algorithm_named(std::string_view name) noexcept;

// Whether a key of this type can verify this algorithm: type, curve and nothing else.
bool fits(Algorithm algorithm, KeyType type) noexcept;

// A set of algorithms, as a value.
class AlgorithmSet {
  public:
    static constexpr AlgorithmSet all() noexcept {
        AlgorithmSet set;
        set.bits_ = (1U << kAlgorithms) - 1;
        return set;
    }
    constexpr void insert(Algorithm algorithm) noexcept { bits_ |= bit(algorithm); }
    constexpr bool contains(Algorithm algorithm) const noexcept {
        return (bits_ & bit(algorithm)) != 0;
    }

  private:
    static constexpr std::uint32_t bit(Algorithm algorithm) noexcept {
        return 1U << static_cast<unsigned>(algorithm);
    }
    std::uint32_t bits_ = 0;
};

}  // namespace gatehouse::jwt
