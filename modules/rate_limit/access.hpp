#pragma once

#include "ngx/api.hpp"

namespace gatehouse::rate_limit {

// The PREACCESS handler.
ngx_int_t preaccess(ngx_http_request_t* r);

}  // namespace gatehouse::rate_limit
