#pragma once

#include <string_view>

#include "jwt/context.hpp"

namespace gatehouse::jwt {

// Gives a refusal its WWW-Authenticate line (RFC 6750 section 3), or what auth_jwt_www_authenticate
// says instead. At most one line of ours is ever sent. Throws std::bad_alloc.
void challenge(ngx_http_request_t* r, const LocConf& conf, std::string_view realm, ngx_int_t status,
               Error reason);

// Takes the line back.
void withdraw_challenge(ngx_http_request_t* r) noexcept;

// Adds the filter that takes the line back if the refusal did not become the answer: `satisfy any`,
// an error_page with another status. To be called in postconfiguration.
void install_challenge_filter();

}  // namespace gatehouse::jwt
