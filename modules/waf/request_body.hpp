#pragma once

#include "waf/inspection.hpp"

namespace gatehouse::waf {

// Whether the client sends one, of whatever length.
bool has_body(const ngx_http_request_t* r) noexcept;

// Has nginx read it. NGX_OK: it is there; what a phase handler returns otherwise: the phases run
// again when it is.
ngx_int_t read_body(ngx_http_request_t* r, Inspection& inspection);

// Gives it to the engine, from memory and from its file, in pieces of bounded size.
Verdict feed_body(ngx_http_request_t* r, Inspection& inspection);

}  // namespace gatehouse::waf
