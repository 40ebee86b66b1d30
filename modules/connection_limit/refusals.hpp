#pragma once

#include "connection_limit/context.hpp"

namespace gatehouse::connection_limit {

// The request has come to a place: its bans hold, unless another module has refused the request
// before, and an error_page has led it here.
void come_to(ngx_http_request_t* r, const LocConf& conf, RequestState& state) noexcept;

// A request, or a connection, was refused: for connection_limit_ban. Throws std::bad_alloc.
void note_refusal(ngx_http_request_t* r, const LocConf& conf, Cause cause);
void note_refusal(const ngx_connection_t* c, const Listener& listener, ngx_uint_t log_level);

// The LOG handler: what our siblings have refused.
ngx_int_t log_phase(ngx_http_request_t* r);

}  // namespace gatehouse::connection_limit
