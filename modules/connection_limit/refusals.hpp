#pragma once

#include "connection_limit/conf.hpp"

namespace gatehouse::connection_limit {

// Counts a refusal for the bans of the place that have this cause, and logs the bans that come of
// it. Throws std::bad_alloc.
void note_refusal(ngx_http_request_t* r, const LocConf& conf, Cause cause);

// The LOG handler: what our siblings have refused, as their variables say.
ngx_int_t log_phase(ngx_http_request_t* r);

}  // namespace gatehouse::connection_limit
