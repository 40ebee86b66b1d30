#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jwt/conf.hpp"
#include "jwt/key_cache.hpp"
#include "jwt/module.hpp"
#include "ngx/request.hpp"
#include "ngx/subrequest.hpp"

namespace gatehouse::jwt {

// $auth_jwt_status
enum class Status : std::uint8_t { none, passed, rejected, rejected_dry_run };

// A verification that may have to wait for keys. It holds on to its token: variables that are read
// meanwhile may make another one current.
struct Pending {
    const LocConf* conf;
    std::shared_ptr<Token> token;
    std::vector<KeySetPtr> fetched{};  // keys from variable files and subrequests
    std::size_t next_request = 0;
    ngx::Answer* answer = nullptr;  // of the subrequest under way
    CacheId answer_id{};            // its place in the key cache
};

// What the signature of a token was found to be, with the keys of a place. It is verified once,
// whoever asks first.
struct Proof {
    const LocConf* conf;
    std::shared_ptr<Token> token;
    Error error;  // none: it is valid
};

// A refusal as the client gets it.
struct Refusal {
    ngx_int_t status;
    Error reason;
    std::string_view realm;  // in the request's pool
};

// What is known about one request or subrequest.
struct RequestState {
    explicit RequestState(ngx_http_request_t* r) noexcept : request(r) {}

    ngx_http_request_t* const request;
    std::shared_ptr<Token> current;   // the token that was read last, believed or not
    std::shared_ptr<Token> accepted;  // the token that passed; null before and otherwise
    std::shared_ptr<Token> verified;  // the same, if its signature was verified

    // The last decision, and the place it was made for.
    const LocConf* decided_for = nullptr;
    Status status = Status::none;
    Error reason = Error::none;       // of a refusal, also in a dry run
    std::optional<Refusal> withheld;  // decided in PREACCESS: the limits look first
    ngx_uint_t refused_with = 0;      // the status code; 0 if not refused

    // auth_jwt_strip has taken this out of the request.
    std::optional<TokenSource> stripped_source;
    FoundToken stripped;

    std::optional<Proof> proof;
    bool verifying = false;  // what is read meanwhile must not begin it anew
    std::optional<Pending> pending;
    std::list<ngx::Answer> answers;  // nginx may write to them until the end
};

using RequestContext = ngx::Context<RequestState, ngx_http_gatehouse_jwt_module>;

inline const LocConf& loc_conf(const ngx_http_request_t* r) noexcept {
    return ngx::location_conf<LocConf>(r, ngx_http_gatehouse_jwt_module);
}

// The state of `r` or, if nothing is known about it, of the nearest request that it is part of.
// Null if there is none.
const RequestState* nearest_state(ngx_http_request_t* r) noexcept;

// The same, with a decision.
const RequestState* nearest_decision(ngx_http_request_t* r) noexcept;

// Whether keys are fetched on behalf of `r`: the location that they come from may have inherited
// auth_jwt.
bool fetches_keys(const ngx_http_request_t* r) noexcept;

// The token that the request carries according to `source`, also after it was stripped.
FoundToken carried_token(ngx_http_request_t* r, const TokenSource& source);

// Takes it out of the request and remembers it. Throws std::bad_alloc.
void strip_token(ngx_http_request_t* r, RequestState& state, const TokenSource& source,
                 const FoundToken& token);

// Makes `text` the current token, parsing it unless it is already. Error::none, or why it is not a
// token at all.
Error read_token(RequestState& state, std::string_view text, const TokenLimits& limits);

// The token whose claims may be read at this place. Before a decision, and while a refusal is being
// answered: the one that the place's own source carries, which anybody may have written. After it
// was accepted: that one. After a refusal that `satisfy any` has overruled: none. Where tokens are
// off, the accepted one or, without a decision, the last that was read.
std::shared_ptr<Token> readable_token(ngx_http_request_t* r);

}  // namespace gatehouse::jwt
