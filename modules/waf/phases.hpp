#pragma once

#include "ngx/api.hpp"

namespace gatehouse::waf {

// The phase handlers, by phase.
ngx_int_t rewrite(ngx_http_request_t* r);
ngx_int_t preaccess(ngx_http_request_t* r);
ngx_int_t precontent(ngx_http_request_t* r);
ngx_int_t log_phase(ngx_http_request_t* r);

// The response filters.
void install_filters();

}  // namespace gatehouse::waf
