#pragma once

#include "ngx/api.hpp"

namespace gatehouse::connection_limit {

// The PREACCESS handler: bans, lists and limits.
ngx_int_t preaccess(ngx_http_request_t* r);

// The POST_READ handler: a whole request header is there, the handshake is over.
ngx_int_t post_read(ngx_http_request_t* r);

}  // namespace gatehouse::connection_limit
