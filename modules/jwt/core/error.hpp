#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace gatehouse::jwt {

// Why a token, a key or a rule was refused. describe() gives the words for the log; they never hold
// anything from the token, and clients never see them.
enum class Error {
    none,

    // The token's form (RFC 7515 section 7.1).
    token_missing,
    tokens_differ,
    token_too_large,
    not_compact_jws,
    encrypted_token,
    bad_base64url,

    // The JOSE header.
    header_not_json,
    header_not_allowed,
    algorithm_missing,
    algorithm_unsupported,
    algorithm_not_allowed,
    type_not_allowed,
    kid_not_string,

    // Keys and the signature.
    no_matching_key,
    too_many_matching_keys,
    bad_signature,

    // Claims.
    claims_not_json,
    time_claim_not_number,
    expired,
    not_yet_valid,
    issued_in_future,
    lifetime_too_long,
    issuer_mismatch,
    audience_mismatch,
    insufficient_scope,
    claim_missing,
    subject_revoked,
    kid_revoked,
    claim_requirement,
    header_requirement,
    value_requirement,

    // Key material.
    keys_unavailable,
    key_set_not_json,
    key_set_not_pem,
    key_set_too_large,
    too_many_keys,
    no_usable_key,
    key_type_unsupported,
    key_not_for_signatures,
    key_algorithm_mismatch,
    key_member_invalid,
    key_invalid,
    key_too_weak,
    secret_empty,
    secret_is_pem,

    // Rules and lists.
    path_syntax,
    operator_unknown,
    value_type,
    pattern_syntax,
    list_not_object,

    // Memory or the crypto library failed: nothing is known about the token.
    internal,
};

std::string_view describe(Error error) noexcept;

// Why a token was refused, in one word: what $auth_jwt_error says. Configurations compare with
// these words. Empty for Error::none.
std::string_view word_for(Error error) noexcept;

// A reason, and what it is about, if that is not said yet: the name of a claim, what was expected.
// It never holds anything from a token.
struct Finding {
    Finding(Error reason = Error::none, std::string subject = {})
        : error(reason), about(std::move(subject)) {}
    operator Error() const noexcept { return error; }

    Error error;
    std::string about;
};

// A name as findings show it.
inline std::string quoted(std::string_view name) {
    return std::string("\"").append(name).append("\"");
}

// `claim requirement is not met: "tenant" eq`
std::string describe(const Finding& finding);

template <class T>
using Result = base::Result<T, Error>;

}  // namespace gatehouse::jwt
