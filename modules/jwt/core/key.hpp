#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jwt/core/algorithm.hpp"
#include "jwt/core/error.hpp"
#include "jwt/core/json.hpp"
#include "jwt/core/openssl.hpp"
#include "jwt/core/signature.hpp"

namespace gatehouse::jwt {

class Key;

// A key, or why there is none and which part of it that is about.
using KeyResult = base::Result<Key, Finding>;

// A key that verifies signatures. Parsed once; the work of OpenSSL that does not depend on the
// token is done at the first use of each algorithm and kept.
class Key {
  public:
    // A JWK (RFC 7517 section 4, RFC 7518 section 6, RFC 8037, RFC 8812), read as identity
    // providers publish them: a null member is none, base64url may be padded, and numbers may have
    // zero octets in front too many or too few. Private members are ignored. Errors:
    // key_type_unsupported, key_not_for_signatures (use, key_ops), key_algorithm_mismatch ("alg"
    // names an algorithm that the key cannot do), key_member_invalid, key_invalid, key_too_weak
    // (RSA below 2048 bits), secret_empty, secret_is_pem, internal.
    static KeyResult from_jwk(const json_t* jwk);

    // A public key (SubjectPublicKeyInfo or PKCS #1) or an X.509 certificate in PEM. Errors as
    // above.
    static KeyResult from_pem(std::string_view pem, std::optional<std::string> kid);

    // A plain HMAC secret, taken byte for byte. Errors: secret_empty, secret_is_pem.
    static KeyResult from_secret(std::string secret);

    const std::optional<std::string>& kid() const noexcept { return kid_; }
    KeyType type() const noexcept { return type_; }

    // Length of an HMAC secret; 0 for a public key.
    std::size_t secret_bytes() const noexcept { return secret_ ? secret_->bytes().size() : 0; }

    // Whether an HMAC secret is shorter than the hash it is used with (RFC 7518 section 3.2).
    bool secret_is_short() const noexcept;

    // Whether type, curve and the JWK's own "alg" admit the algorithm.
    bool admits(Algorithm algorithm) const noexcept;

    // Errors as Verifier::verify(). Requires admits(algorithm).
    Error verify(Algorithm algorithm, std::string_view input, std::string_view signature) const;

  private:
    Key(KeyType type, EvpPkey public_key) : type_(type), public_key_(std::move(public_key)) {}
    explicit Key(Secret secret) : type_(KeyType::oct), secret_(std::move(secret)) {}

    static KeyResult from_jwk_material(const json_t* jwk);
    static KeyResult from_public_key(EvpPkey key);
    Verifier* verifier(Algorithm algorithm) const;

    KeyType type_;
    std::optional<Algorithm> only_;  // the JWK's "alg"
    AlgorithmSet possible_ = AlgorithmSet::all();
    std::optional<std::string> kid_;
    EvpPkey public_key_;
    std::optional<Secret> secret_;
    // A cache: a key is asked for one or two algorithms in its life.
    mutable std::vector<std::pair<Algorithm, std::unique_ptr<Verifier>>> verifiers_;
};

}  // namespace gatehouse::jwt
