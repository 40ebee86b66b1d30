#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "jwt/conf.hpp"
#include "jwt/module.hpp"
#include "ngx/request.hpp"
#include "ngx/subrequest.hpp"

namespace gatehouse::jwt {

// $auth_jwt_status
enum class Status : std::uint8_t { none, passed, rejected, rejected_dry_run };

// A verification that may have to wait for keys. It holds on to its token: variables that are read
// meanwhile, in the subrequest's location for one, may make another one current.
struct Pending {
    const LocConf* conf;
    std::shared_ptr<Token> token;
    std::vector<KeySetPtr> fetched{};  // keys from variable files and subrequests
    std::size_t next_request = 0;
    ngx::Answer* answer = nullptr;  // of the subrequest under way
    std::string answer_id{};        // its place in the key cache
};

// What is known about one client request.
struct RequestState {
    std::shared_ptr<Token> current;  // the token that was read last, believed or not
    std::shared_ptr<Token>
        verified;  // null until a verification has succeeded, and after it failed
    Status status = Status::none;

    // auth_jwt_strip has taken this out of the request.
    std::optional<TokenSource> stripped_source;
    FoundToken stripped;

    std::optional<Pending> pending;
    std::vector<std::unique_ptr<ngx::Answer>> answers;  // nginx may write to them until the end
    ngx_table_elt_t* challenge = nullptr;               // the WWW-Authenticate line that we added
};

using RequestContext = ngx::Context<RequestState, ngx_http_gatehouse_jwt_module>;

inline const LocConf& loc_conf(const ngx_http_request_t* r) noexcept {
    return ngx::location_conf<LocConf>(r, ngx_http_gatehouse_jwt_module);
}

// The token that the request carries according to `source`, also after it was stripped.
FoundToken carried_token(ngx_http_request_t* r, const RequestState& state,
                         const TokenSource& source);

// Makes `text` the current token, parsing it unless it is already. Error::none, or why it is not a
// token at all.
Error read_token(RequestState& state, std::string_view text, const TokenLimits& limits);

// The phase handlers.
ngx_int_t preaccess(ngx_http_request_t* r);
ngx_int_t access(ngx_http_request_t* r);

// Adds or renews the WWW-Authenticate line that goes with a status and a reason; see challenge.cpp.
void challenge(ngx_http_request_t* r, RequestState& state, const LocConf& conf,
               std::string_view realm, ngx_int_t status, Error reason);
void withdraw_challenge(RequestState& state) noexcept;
void install_challenge_filter();

}  // namespace gatehouse::jwt
