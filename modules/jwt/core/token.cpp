#include "jwt/core/token.hpp"

#include <algorithm>
#include <utility>

#include "base/base64.hpp"

namespace gatehouse::jwt {

Result<Token> Token::parse(std::string_view text, const TokenLimits& limits) {
    if (text.size() > limits.bytes) {
        return Error::token_too_large;
    }
    const auto dots = std::count(text.begin(), text.end(), '.');
    if (dots == 4) {
        return Error::encrypted_token;
    }
    if (dots != 2) {
        return Error::not_compact_jws;
    }
    const std::size_t first = text.find('.');
    const std::size_t second = text.rfind('.');

    Token token;
    token.text_ = text;
    token.limits_ = limits;
    token.signing_input_ = text.substr(0, second);
    token.encoded_payload_ = text.substr(first + 1, second - first - 1);
    const std::string_view encoded_signature = text.substr(second + 1);
    if (first == 0 || token.encoded_payload_.empty() || encoded_signature.empty()) {
        return Error::not_compact_jws;
    }
    auto signature = base::decode_base64url(encoded_signature);
    if (!signature) {
        return Error::bad_base64url;
    }
    token.signature_ = std::move(*signature);
    if (const Error error = token.parse_header(text.substr(0, first)); error != Error::none) {
        return error;
    }
    return token;
}

Error Token::parse_header(std::string_view encoded) {
    const auto decoded = base::decode_base64url(encoded);
    if (!decoded) {
        return Error::bad_base64url;
    }
    auto header = parse_json_object(*decoded, limits_.json);
    if (!header) {
        return Error::header_not_json;
    }
    header_ = std::move(*header);
    // No extension is understood, so each one that must be is a reason to refuse (RFC 7515
    // section 4.1.11); an unencoded payload (RFC 7797) has no place in a compact JWT.
    if (member(header_.get(), "crit") != nullptr || member(header_.get(), "b64") != nullptr) {
        return Error::header_not_allowed;
    }
    const auto name = string_of(member(header_.get(), "alg"));
    if (!name) {
        return Error::algorithm_missing;
    }
    const auto algorithm = algorithm_named(*name);
    if (!algorithm) {
        return Error::algorithm_unsupported;
    }
    algorithm_ = *algorithm;
    const json_t* kid = member(header_.get(), "kid");
    return kid == nullptr || json_is_string(kid) ? Error::none : Error::kid_not_string;
}

Error Token::load_claims() {
    if (!claims_error_) {
        claims_error_ = parse_claims();
    }
    return *claims_error_;
}

Error Token::parse_claims() {
    auto decoded = base::decode_base64url(encoded_payload_);
    if (!decoded) {
        return Error::bad_base64url;
    }
    auto claims = parse_json_object(*decoded, limits_.json);
    if (!claims) {
        return Error::claims_not_json;
    }
    payload_ = std::move(*decoded);
    claims_ = std::move(*claims);
    return Error::none;
}

}  // namespace gatehouse::jwt
