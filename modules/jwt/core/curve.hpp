#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "jwt/core/algorithm.hpp"

namespace gatehouse::jwt {

// The curves of ECDSA keys (RFC 7518 section 6.2.1.1, RFC 8812).
struct Curve {
    std::string_view crv;  // in a JWK
    KeyType type;
    const char* group;  // OpenSSL's name
    std::size_t bytes;  // of one coordinate
};

inline constexpr std::array<Curve, 4> kCurves{{
    {"P-256", KeyType::p256, "prime256v1", 32},
    {"P-384", KeyType::p384, "secp384r1", 48},
    {"P-521", KeyType::p521, "secp521r1", 66},
    {"secp256k1", KeyType::secp256k1, "secp256k1", 32},
}};

// Beyond this a single verification would stall the worker.
inline constexpr int kMaxRsaBits = 16384;

}  // namespace gatehouse::jwt
