#pragma once

#include "ngx/api.hpp"

namespace gatehouse::connection_limit {

// The content handler of connection_limit_report: the zones of this configuration in JSON.
ngx_int_t report(ngx_http_request_t* r);

}  // namespace gatehouse::connection_limit
