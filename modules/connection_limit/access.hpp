#pragma once

#include "ngx/api.hpp"

namespace gatehouse::connection_limit {

// The REWRITE handler: which place the request has come to, for refusals before PREACCESS.
ngx_int_t rewrite(ngx_http_request_t* r);

// The PREACCESS handler: bans, lists and limits.
ngx_int_t preaccess(ngx_http_request_t* r);

// The POST_READ handler: a whole request header is there, the handshake is over.
ngx_int_t post_read(ngx_http_request_t* r);

}  // namespace gatehouse::connection_limit
