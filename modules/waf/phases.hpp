#pragma once

#include "ngx/api.hpp"

namespace gatehouse::waf {

// The phase handlers, by phase.
ngx_int_t rewrite(ngx_http_request_t* r);
ngx_int_t preaccess(ngx_http_request_t* r);
ngx_int_t precontent(ngx_http_request_t* r);
ngx_int_t log_phase(ngx_http_request_t* r);

// The response filters, and where octets go to that they have held.
void install_filters();
ngx_int_t send_body(ngx_http_request_t* r, ngx_chain_t* in);

}  // namespace gatehouse::waf
