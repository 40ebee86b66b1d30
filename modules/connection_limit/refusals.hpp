#pragma once

#include "connection_limit/conf.hpp"

namespace gatehouse::connection_limit {

// A request, or a connection, was refused: for connection_limit_ban. Throws std::bad_alloc.
void note_refusal(ngx_http_request_t* r, const LocConf& conf, Cause cause);
void note_refusal(const ngx_connection_t* c, const Listener& listener, ngx_uint_t log_level);

// The LOG handler: what our siblings have refused.
ngx_int_t log_phase(ngx_http_request_t* r);

}  // namespace gatehouse::connection_limit
