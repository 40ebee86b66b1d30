#pragma once

#include <string>
#include <string_view>

#include "expect.hpp"
#include "jose.hpp"
#include "jwt/core/policy.hpp"

// What a policy says to claims and to headers, each without the rest of the token.

namespace gatehouse::test {

inline jwt::Error claims_error(std::string_view claims, const jwt::Policy& policy,
                               jwt::NumericDate now) {
    const std::string text = compact_jws(R"({"alg":"HS256"})", claims, "s");
    jwt::HeaderCache headers;
    auto token = jwt::Token::parse(text, {}, headers);
    expect(token && token->load_claims() == jwt::Error::none, claims, "claims");
    return jwt::check_claims(*token, policy, now);
}

inline jwt::Error header_error(std::string_view header, const jwt::Policy& policy) {
    const std::string text = compact_jws(header, "{}", "s");
    jwt::HeaderCache headers;
    const auto token = jwt::Token::parse(text, {}, headers);
    expect_error(error_of(token), jwt::Error::none, header);
    return jwt::check_header(*token, policy);
}

}  // namespace gatehouse::test
