#include "jwt/core/key.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>

#include <array>

#include "jwt/core/curve.hpp"
#include "jwt/core/pem.hpp"

namespace gatehouse::jwt {
namespace {

constexpr int kMinRsaBits = 2048;

std::optional<KeyType> type_of(EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "RSA") == 1) {
        return KeyType::rsa;
    }
    if (EVP_PKEY_is_a(key, "RSA-PSS") == 1) {
        return KeyType::rsa_pss;
    }
    if (EVP_PKEY_is_a(key, "ED25519") == 1) {
        return KeyType::ed25519;
    }
    if (EVP_PKEY_is_a(key, "ED448") == 1) {
        return KeyType::ed448;
    }
    std::array<char, 64> group{};
    if (EVP_PKEY_is_a(key, "EC") == 1 &&
        EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1) {
        for (const Curve& curve : kCurves) {
            if (std::string_view(group.data()) == curve.group) {
                return curve.type;
            }
        }
    }
    ERR_clear_error();
    return std::nullopt;
}

BigNum key_number(EVP_PKEY* key, const char* name) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key, name, &number);
    return BigNum(number);
}

// An even modulus or exponent, or the exponent 1 (with which every message signs itself), is no
// key.
Error check_rsa(EVP_PKEY* key) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < kMinRsaBits) {
        return Error::key_too_weak;
    }
    const BigNum n = key_number(key, OSSL_PKEY_PARAM_RSA_N);
    const BigNum e = key_number(key, OSSL_PKEY_PARAM_RSA_E);
    if (!n || !e) {
        ERR_clear_error();
        return Error::internal;
    }
    const bool sound = bits <= kMaxRsaBits && BN_is_odd(n.get()) == 1 && BN_is_odd(e.get()) == 1 &&
                       BN_is_one(e.get()) == 0 && BN_num_bits(e.get()) <= 64;
    return sound ? Error::none : Error::key_invalid;
}

// An RSA-PSS key may be bound to one hash by its own parameters (RFC 4055 section 3.1): that is to
// be known before a token asks for another.
AlgorithmSet possible_algorithms(KeyType type, EVP_PKEY* key) {
    AlgorithmSet possible;
    for (std::size_t i = 0; i < kAlgorithms; ++i) {
        const auto algorithm = static_cast<Algorithm>(i);
        const bool worth_a_try = fits(algorithm, type);
        const bool certain = type != KeyType::rsa_pss;
        if (worth_a_try && (certain || make_public_key_verifier(algorithm, key))) {
            possible.insert(algorithm);
        }
    }
    return possible;
}

}  // namespace

KeyResult Key::from_public_key(EvpPkey key) {
    const auto type = type_of(key.get());
    if (!type) {
        return Finding(Error::key_type_unsupported);
    }
    if (*type == KeyType::rsa || *type == KeyType::rsa_pss) {
        if (const Error error = check_rsa(key.get()); error != Error::none) {
            return Finding(error);
        }
    }
    Key made(*type, std::move(key));
    made.possible_ = possible_algorithms(*type, made.public_key_.get());
    return made;
}

KeyResult Key::from_secret(std::string bytes) {
    Secret secret(std::move(bytes));
    if (secret.bytes().empty()) {
        return Finding(Error::secret_empty);
    }
    if (is_pem(secret.bytes())) {
        return Finding(Error::secret_is_pem);
    }
    return Key(std::move(secret));
}

bool Key::admits(Algorithm algorithm) const noexcept {
    if (!fits(algorithm, type_) || !possible_.contains(algorithm)) {
        return false;
    }
    // For one curve "EdDSA" and the curve's own name are the same algorithm (RFC 9864 section 2.2).
    return !only_ || *only_ == algorithm || traits(algorithm).family == Family::eddsa;
}

bool Key::secret_is_short() const noexcept {
    const auto algorithm = only_.value_or(Algorithm::hs256);
    return type_ == KeyType::oct && secret_bytes() < traits(algorithm).digest_bytes;
}

Verifier* Key::verifier(Algorithm algorithm) const {
    for (const auto& [known, verifier] : verifiers_) {
        if (known == algorithm) {
            return verifier.get();
        }
    }
    auto verifier = secret_ ? make_hmac_verifier(algorithm, secret_->bytes())
                            : make_public_key_verifier(algorithm, public_key_.get());
    if (!verifier) {
        return nullptr;
    }
    return verifiers_.emplace_back(algorithm, std::move(verifier)).second.get();
}

Error Key::verify(Algorithm algorithm, std::string_view input, std::string_view signature) const {
    Verifier* prepared = verifier(algorithm);
    return prepared != nullptr ? prepared->verify(input, signature) : Error::internal;
}

}  // namespace gatehouse::jwt
