#pragma once

#include "ngx/api.hpp"

namespace gatehouse::jwt {

// The phase handlers. With `auth_jwt_phase preaccess` verify() judges a token, and enforce()
// refuses it after the limits have looked; subrequests come by as well.
ngx_int_t verify(ngx_http_request_t* r);
ngx_int_t enforce(ngx_http_request_t* r);
ngx_int_t access(ngx_http_request_t* r);

}  // namespace gatehouse::jwt
