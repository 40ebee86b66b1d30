#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "jwt/core/algorithm.hpp"
#include "jwt/core/error.hpp"
#include "jwt/core/key_set.hpp"
#include "jwt/core/token.hpp"

namespace gatehouse::jwt {

// Lets unordered containers of std::string be asked with a string_view.
struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>{}(text);
    }
};

// Subjects or kids that are no longer accepted: the member names of a JSON object.
class RevocationList {
  public:
    // Error: list_not_object.
    static Result<RevocationList> parse(std::string_view text);

    bool contains(std::string_view name) const noexcept { return names_.contains(name); }

  private:
    std::unordered_set<std::string, StringHash, std::equal_to<>> names_;
};

// Seconds since the epoch, with fractions: NumericDate (RFC 7519 section 2).
using NumericDate = double;

// Everything that a place demands of a token besides a valid signature, as a value. Empty lists
// demand nothing.
struct Policy {
    TokenLimits limits;
    AlgorithmSet algorithms = AlgorithmSet::all();
    bool validate_signature = true;  // off never admits "none": such a token is no Token
    bool validate_exp = true;
    double leeway = 0;  // seconds, for exp, nbf and iat
    std::size_t min_secret_bytes = 0;
    std::size_t max_tries = 32;  // verifications for one token: each may take half a millisecond
    std::optional<double> max_lifetime;  // seconds from iat to exp
    std::vector<std::string> types;      // accepted "typ", compared as RFC 7515 section 4.1.9 says
    std::vector<std::string> issuers;
    std::vector<std::string> audiences;
    std::vector<std::string> scopes;           // all of them
    std::vector<std::string> required_claims;  // present and not null
    std::shared_ptr<const RevocationList> revoked_subjects;
    std::shared_ptr<const RevocationList> revoked_kids;
};

// The steps of a verification, cheapest first; the caller stops at the first that is not
// Error::none. Errors: algorithm_not_allowed, type_not_allowed, kid_revoked.
Error check_header(const Token& token, const Policy& policy);

// Finds the keys that may have signed the token and tries them: with a kid, the keys of that kid,
// else those without one; without a kid, every key that fits. Errors: no_matching_key,
// bad_signature, internal.
Error check_signature(const Token& token, const Policy& policy,
                      std::span<const KeySet* const> sets);

// Requires token.claims(). A part of check_claims() that tells whose keys may have signed the
// token. Error: issuer_mismatch.
Error check_issuer(const Token& token, const Policy& policy);

// Requires token.claims(). Errors: time_claim_not_number, expired, not_yet_valid, issued_in_future,
// lifetime_too_long, issuer_mismatch, audience_mismatch, claim_missing, subject_revoked,
// insufficient_scope.
Finding check_claims(const Token& token, const Policy& policy, NumericDate now);

}  // namespace gatehouse::jwt
