#include "jwt/core/error.hpp"

namespace gatehouse::jwt {

std::string_view describe(Error error) noexcept {
    switch (error) {
    case Error::none:
        return "no error";
    case Error::token_missing:
        return "token is missing";
    case Error::tokens_differ:
        return "several differing tokens in one request";
    case Error::token_too_large:
        return "token is too large";
    case Error::not_compact_jws:
        return "token is not a compact JWS";
    case Error::encrypted_token:
        return "token is encrypted";
    case Error::bad_base64url:
        return "token is not canonical base64url";
    case Error::header_not_json:
        return "JOSE header is not an acceptable JSON object";
    case Error::header_not_allowed:
        return "\"crit\" or \"b64\" header is present";
    case Error::algorithm_missing:
        return "\"alg\" header is missing";
    case Error::algorithm_unsupported:
        return "algorithm is not supported";
    case Error::algorithm_not_allowed:
        return "algorithm is not allowed";
    case Error::type_not_allowed:
        return "\"typ\" header is not allowed";
    case Error::kid_not_string:
        return "\"kid\" header is not a string";
    case Error::no_matching_key:
        return "no key matches the token";
    case Error::too_many_matching_keys:
        return "too many keys match the token";
    case Error::bad_signature:
        return "signature is invalid";
    case Error::claims_not_json:
        return "claims are not an acceptable JSON object";
    case Error::time_claim_not_number:
        return "\"exp\", \"nbf\" or \"iat\" claim is not a number";
    case Error::expired:
        return "token is expired";
    case Error::not_yet_valid:
        return "token is not yet valid";
    case Error::issued_in_future:
        return "token is issued in the future";
    case Error::lifetime_too_long:
        return "token lifetime is too long";
    case Error::issuer_mismatch:
        return "issuer is not accepted";
    case Error::audience_mismatch:
        return "audience is not accepted";
    case Error::insufficient_scope:
        return "scope is insufficient";
    case Error::claim_missing:
        return "required claim is missing";
    case Error::subject_revoked:
        return "subject is revoked or missing";
    case Error::kid_revoked:
        return "kid is revoked or missing";
    case Error::claim_requirement:
        return "claim requirement is not met";
    case Error::header_requirement:
        return "header requirement is not met";
    case Error::value_requirement:
        return "requirement is not met";
    case Error::keys_unavailable:
        return "keys are not available";
    case Error::key_set_not_json:
        return "not an acceptable JSON key set";
    case Error::key_set_not_pem:
        return "no PEM with public keys or certificates";
    case Error::key_set_too_large:
        return "key set is too large";
    case Error::too_many_keys:
        return "key set has too many keys";
    case Error::no_usable_key:
        return "no usable key";
    case Error::key_type_unsupported:
        return "key type or curve is not supported";
    case Error::key_not_for_signatures:
        return "key is not for verifying signatures";
    case Error::key_algorithm_mismatch:
        return "algorithm does not fit the key";
    case Error::key_member_invalid:
        return "member is missing or malformed";
    case Error::key_invalid:
        return "key is not valid";
    case Error::key_too_weak:
        return "key is too short";
    case Error::secret_empty:
        return "secret is empty";
    case Error::secret_is_pem:
        return "a PEM key is never an HMAC secret";
    case Error::path_syntax:
        return "invalid path";
    case Error::operator_unknown:
        return "unknown operator";
    case Error::value_type:
        return "value has the wrong type for the operator";
    case Error::pattern_syntax:
        return "invalid regular expression";
    case Error::list_not_object:
        return "list is not a JSON object";
    case Error::internal:
        return "internal error";
    }
    return "unknown error";
}

std::string_view word_for(Error error) noexcept {
    switch (error) {
    case Error::none:
        return "";
    case Error::token_missing:
        return "missing";
    case Error::tokens_differ:
        return "ambiguous";
    case Error::token_too_large:
    case Error::not_compact_jws:
    case Error::encrypted_token:
    case Error::bad_base64url:
    case Error::header_not_json:
    case Error::header_not_allowed:
    case Error::algorithm_missing:
    case Error::kid_not_string:
    case Error::claims_not_json:
    case Error::time_claim_not_number:
        return "malformed";
    case Error::algorithm_unsupported:
    case Error::algorithm_not_allowed:
        return "algorithm";
    case Error::type_not_allowed:
        return "type";
    case Error::no_matching_key:
    case Error::too_many_matching_keys:
        return "unknown_key";
    case Error::bad_signature:
        return "signature";
    case Error::expired:
        return "expired";
    case Error::not_yet_valid:
    case Error::issued_in_future:
        return "not_yet_valid";
    case Error::lifetime_too_long:
        return "lifetime";
    case Error::issuer_mismatch:
        return "issuer";
    case Error::audience_mismatch:
        return "audience";
    case Error::insufficient_scope:
        return "scope";
    case Error::claim_missing:
    case Error::claim_requirement:
        return "claim";
    case Error::header_requirement:
        return "header";
    case Error::value_requirement:
        return "requirement";
    case Error::subject_revoked:
    case Error::kid_revoked:
        return "revoked";
    case Error::keys_unavailable:
        return "keys";
    default:
        return "internal";
    }
}

std::string describe(const Finding& finding) {
    std::string text(describe(finding.error));
    if (!finding.about.empty()) {
        text.append(": ").append(finding.about);
    }
    return text;
}

}  // namespace gatehouse::jwt
