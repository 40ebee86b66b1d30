#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ngx/conf.hpp"

namespace gatehouse::jwt {

// Where a request carries its token. Headers, cookies and arguments are looked at directly, so that
// each occurrence is seen and can be removed; any other variable is simply evaluated.
struct TokenSource {
    enum class Kind : std::uint8_t { bearer, header, cookie, argument, variable };

    Kind kind = Kind::bearer;
    std::string name;                  // of the header, cookie or argument: lower case
    ngx_int_t index = NGX_CONF_UNSET;  // of the variable; also for header, cookie and argument

    bool removable() const noexcept { return kind != Kind::variable; }
    friend bool operator==(const TokenSource&, const TokenSource&) = default;
};

// From `token=$variable`. False if the variable cannot be used, which has been logged.
bool parse_token_source(const ngx::Directive& directive, std::string_view variable,
                        TokenSource& source);

// The token's text borrows the request's memory. Empty: there is none.
struct FoundToken {
    std::string_view text;
    bool differing = false;  // the request has several that are not the same
};

FoundToken find_token(ngx_http_request_t* r, const TokenSource& source);

// Takes the token out of the request: everything at its source, and whatever else of the header
// contains it, so that neither upstreams nor variables see it any more. Requires
// source.removable(). Throws std::bad_alloc.
void remove_token(ngx_http_request_t* r, const TokenSource& source, std::string_view token);

}  // namespace gatehouse::jwt
