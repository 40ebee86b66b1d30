#include "jwt/core/algorithm.hpp"

#include <array>

namespace gatehouse::jwt {
namespace {

// In the order of the enum.
constexpr std::array<AlgorithmTraits, kAlgorithms> kTraits{{
    {"HS256", Family::hmac, "SHA256", 32},
    {"HS384", Family::hmac, "SHA384", 48},
    {"HS512", Family::hmac, "SHA512", 64},
    {"RS256", Family::rsa_pkcs1, "SHA256", 32},
    {"RS384", Family::rsa_pkcs1, "SHA384", 48},
    {"RS512", Family::rsa_pkcs1, "SHA512", 64},
    {"PS256", Family::rsa_pss, "SHA256", 32},
    {"PS384", Family::rsa_pss, "SHA384", 48},
    {"PS512", Family::rsa_pss, "SHA512", 64},
    {"ES256", Family::ecdsa, "SHA256", 32},
    {"ES384", Family::ecdsa, "SHA384", 48},
    {"ES512", Family::ecdsa, "SHA512", 64},
    {"ES256K", Family::ecdsa, "SHA256", 32},
    {"EdDSA", Family::eddsa, nullptr, 0},
    {"Ed25519", Family::eddsa, nullptr, 0},
    {"Ed448", Family::eddsa, nullptr, 0},
}};

}  // namespace

const AlgorithmTraits& traits(Algorithm algorithm) noexcept {
    return kTraits[static_cast<std::size_t>(algorithm)];
}

std::optional<Algorithm> algorithm_named(std::string_view name) noexcept {
    for (std::size_t i = 0; i < kTraits.size(); ++i) {
        if (kTraits[i].name == name) {
            return static_cast<Algorithm>(i);
        }
    }
    return std::nullopt;
}

bool fits(Algorithm algorithm, KeyType type) noexcept {
    switch (algorithm) {
    case Algorithm::hs256:
    case Algorithm::hs384:
    case Algorithm::hs512:
        return type == KeyType::oct;
    case Algorithm::rs256:
    case Algorithm::rs384:
    case Algorithm::rs512:
        return type == KeyType::rsa;
    case Algorithm::ps256:
    case Algorithm::ps384:
    case Algorithm::ps512:
        return type == KeyType::rsa || type == KeyType::rsa_pss;
    case Algorithm::es256:
        return type == KeyType::p256;
    case Algorithm::es384:
        return type == KeyType::p384;
    case Algorithm::es512:
        return type == KeyType::p521;
    case Algorithm::es256k:
        return type == KeyType::secp256k1;
    case Algorithm::eddsa:
        return type == KeyType::ed25519 || type == KeyType::ed448;
    case Algorithm::ed25519:
        return type == KeyType::ed25519;
    case Algorithm::ed448:
        return type == KeyType::ed448;
    }
    return false;
}

}  // namespace gatehouse::jwt
