#pragma once

#include <memory>
#include <string>

#include "jwt/context.hpp"

namespace gatehouse::jwt {

// What becomes of a request.
struct Decision {
    enum class Kind : std::uint8_t { pass, reject, fail, wait };
    Kind kind;
    Finding finding{};
    ngx_int_t status = 0;

    static Decision pass() { return {Kind::pass}; }
    static Decision wait() { return {Kind::wait}; }
    // With the status that belongs to the reason.
    static Decision reject(Finding finding);
    static Decision reject(Finding finding, ngx_int_t status);
    // The operator's fault: closed, and loud.
    static Decision fail(Error reason, std::string problem);
};

// Judges the token that the request carries by all that `conf` demands. May have to wait for keys:
// it is then called again. A pass is remembered in `state`.
Decision decide(ngx_http_request_t* r, RequestState& state, const LocConf& conf);

// The token whose claims are proven at this place: by the last decision or, before one is made
// here, by its signature and whatever the configuration demands of the token alone, as far as keys
// are at hand. Requirements that compare it with the request are left to the decision. Null if
// there is none.
std::shared_ptr<Token> proven_token(ngx_http_request_t* r);

}  // namespace gatehouse::jwt
