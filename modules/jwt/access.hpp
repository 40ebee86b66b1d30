#pragma once

#include "ngx/api.hpp"

namespace gatehouse::jwt {

// The phase handlers. Subrequests come by only in preaccess.
ngx_int_t preaccess(ngx_http_request_t* r);
ngx_int_t access(ngx_http_request_t* r);

}  // namespace gatehouse::jwt
