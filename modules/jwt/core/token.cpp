#include "jwt/core/token.hpp"

#include <algorithm>
#include <utility>

#include "base/base64.hpp"

namespace gatehouse::jwt {
namespace {

// Some issuers with some keys each. A header of a signed token is mostly below 100 bytes.
constexpr std::size_t kMaxCachedHeaders = 16;
constexpr std::size_t kMaxCachedHeader = 1024;

Result<Header> parse_header(std::string_view encoded, const JsonLimits& limits) {
    const auto decoded = base::decode_base64url(encoded);
    if (!decoded) {
        return Error::bad_base64url;
    }
    auto json = parse_json_object(*decoded, limits);
    if (!json) {
        return Error::header_not_json;
    }
    const json_t* header = json->get();
    // No extension is understood, so each one that must be is a reason to refuse (RFC 7515
    // section 4.1.11); an unencoded payload (RFC 7797) has no place in a compact JWT.
    if (member(header, "crit") != nullptr || member(header, "b64") != nullptr) {
        return Error::header_not_allowed;
    }
    const auto name = string_of(member(header, "alg"));
    if (!name) {
        return Error::algorithm_missing;
    }
    const auto algorithm = algorithm_named(*name);
    if (!algorithm) {
        return Error::algorithm_unsupported;
    }
    const json_t* kid = member(header, "kid");
    if (kid != nullptr && !json_is_string(kid)) {
        return Error::kid_not_string;
    }
    return Header{std::move(*json), *algorithm};
}

// Takes the padding off one part of a token that is padded. Nothing but the exact padding is taken:
// a token has one spelling with it and one without it.
bool take_padding(std::string_view& part) noexcept {
    if (part.size() % 4 != 0) {
        return false;
    }
    part = base::without_padding(part);
    return true;
}

}  // namespace

Result<std::shared_ptr<const Header>> HeaderCache::parse(std::string_view encoded,
                                                         const JsonLimits& limits) {
    for (const Entry& entry : entries_) {
        if (entry.encoded == encoded && entry.limits == limits) {
            return entry.header;
        }
    }
    auto parsed = parse_header(encoded, limits);
    if (!parsed) {
        return parsed.error();
    }
    auto header = std::make_shared<const Header>(std::move(*parsed));
    if (encoded.size() > kMaxCachedHeader) {
        return header;
    }
    Entry entry{std::string(encoded), limits, header};
    if (entries_.size() < kMaxCachedHeaders) {
        entries_.push_back(std::move(entry));
    } else {
        entries_[next_] = std::move(entry);
        next_ = (next_ + 1) % kMaxCachedHeaders;
    }
    return header;
}

Result<Token> Token::parse(std::string_view text, const TokenLimits& limits, HeaderCache& headers) {
    if (text.size() > limits.bytes) {
        return Error::token_too_large;
    }
    const std::size_t first = text.find('.');
    const std::size_t second = first == text.npos ? first : text.find('.', first + 1);
    if (second == text.npos) {
        return Error::not_compact_jws;
    }
    if (text.find('.', second + 1) != text.npos) {
        // Five parts are a JWE (RFC 7516 section 7.1).
        return std::count(text.begin(), text.end(), '.') == 4 ? Error::encrypted_token
                                                              : Error::not_compact_jws;
    }

    Token token;
    token.text_ = text;
    token.limits_ = limits;
    token.signing_input_ = text.substr(0, second);
    token.encoded_payload_ = text.substr(first + 1, second - first - 1);
    std::string_view encoded_header = text.substr(0, first);
    std::string_view encoded_signature = text.substr(second + 1);
    if (first == 0 || token.encoded_payload_.empty() || encoded_signature.empty()) {
        return Error::not_compact_jws;
    }
    // The signature is over the text with its padding.
    if (limits.padding && text.find('=') != text.npos &&
        !(take_padding(encoded_header) && take_padding(token.encoded_payload_) &&
          take_padding(encoded_signature))) {
        return Error::bad_base64url;
    }
    auto signature = base::decode_base64url(encoded_signature);
    if (!signature) {
        return Error::bad_base64url;
    }
    token.signature_ = std::move(*signature);
    auto header = headers.parse(encoded_header, limits.json);
    if (!header) {
        return header.error();
    }
    token.header_ = std::move(*header);
    return token;
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
