#pragma once

#include <openssl/types.h>

#include <memory>
#include <string_view>

#include "jwt/core/algorithm.hpp"
#include "jwt/core/error.hpp"

namespace gatehouse::jwt {

// One key bound to one algorithm, with everything that can be prepared once prepared: a token then
// costs OpenSSL's own work and no look-ups. Not thread-safe: an nginx worker has one thread.
class Verifier {
  public:
    virtual ~Verifier() = default;
    Verifier(const Verifier&) = delete;
    Verifier& operator=(const Verifier&) = delete;

    // Error::none if `signature` (decoded) is that of `input` (RFC 7515 section 5.2 step 8),
    // bad_signature if not, internal if the library could not tell. OpenSSL's error queue is left
    // empty, or nginx would blame the next TLS connection.
    virtual Error verify(std::string_view input, std::string_view signature) = 0;

  protected:
    Verifier() = default;
};

// Null if the library refuses (out of memory, or an algorithm that this build of it lacks).
// `secret` is copied. Requires traits(algorithm).family == Family::hmac.
std::unique_ptr<Verifier> make_hmac_verifier(Algorithm algorithm, std::string_view secret);

// As above; takes a reference of its own to `key`. Requires that the key fits the algorithm.
std::unique_ptr<Verifier> make_public_key_verifier(Algorithm algorithm, EVP_PKEY* key);

}  // namespace gatehouse::jwt
