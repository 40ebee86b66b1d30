#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jwt/core/algorithm.hpp"
#include "jwt/core/error.hpp"
#include "jwt/core/json.hpp"

namespace gatehouse::jwt {

// What a token may look like.
struct TokenLimits {
    std::size_t bytes = 16384;
    JsonLimits json;       // for header and claims each
    bool padding = false;  // base64url may be padded, in all three parts (RFC 7515 forbids it)

    friend bool operator==(const TokenLimits&, const TokenLimits&) = default;
};

// A JOSE header (RFC 7515 section 4) that is acceptable in form. Immutable and shared: an issuer
// sends the same one with every token.
struct Header {
    Json json;
    Algorithm algorithm;
};

// Headers that were parsed lately, found again by their encoded text. Bounded, and of no
// consequence: an attacker who fills it with headers of his own only makes it useless. Not
// thread-safe.
class HeaderCache {
  public:
    // Errors: those of Token::parse() that concern the header.
    Result<std::shared_ptr<const Header>> parse(std::string_view encoded, const JsonLimits& limits);

  private:
    struct Entry {
        std::string encoded;
        JsonLimits limits;
        std::shared_ptr<const Header> header;
    };

    std::vector<Entry> entries_;
    std::size_t next_ = 0;  // the entry to replace when there is no room
};

// A JWS in compact serialization (RFC 7515 section 7.1) whose header is acceptable in form. Nothing
// in it is to be believed before its signature was verified.
class Token {
  public:
    // Checks size, structure and header, in this order, and leaves the claims alone. The text is
    // borrowed and must outlive the token.
    // Errors: token_too_large, not_compact_jws, encrypted_token, bad_base64url, header_not_json,
    // header_not_allowed (crit, b64), algorithm_missing, algorithm_unsupported (none included),
    // kid_not_string.
    static Result<Token> parse(std::string_view text, const TokenLimits& limits,
                               HeaderCache& headers);

    std::string_view text() const noexcept { return text_; }
    const TokenLimits& limits() const noexcept { return limits_; }
    Algorithm algorithm() const noexcept { return header_->algorithm; }
    std::optional<std::string_view> kid() const noexcept {
        return string_of(member(header(), "kid"));
    }
    std::string_view signing_input() const noexcept { return signing_input_; }
    std::string_view signature() const noexcept { return signature_; }  // decoded
    const json_t* header() const noexcept { return header_->json.get(); }

    // Decodes and parses the claims, once; later calls repeat the first answer.
    // Errors: bad_base64url, claims_not_json.
    Error load_claims();

    // Null, and empty, until load_claims() has succeeded.
    const json_t* claims() const noexcept { return claims_.get(); }
    std::string_view payload() const noexcept { return payload_; }  // the claims as they were sent

  private:
    Token() = default;
    Error parse_claims();

    std::string_view text_;
    std::string_view signing_input_;
    std::string_view encoded_payload_;
    std::string signature_;
    std::string payload_;
    TokenLimits limits_;
    std::shared_ptr<const Header> header_;
    Json claims_;
    std::optional<Error> claims_error_;
};

}  // namespace gatehouse::jwt
