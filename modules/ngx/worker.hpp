#pragma once

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// Whether this process handles requests: cache manager and loader call init_process as well.
inline bool handles_requests() noexcept {
    return ngx_process == NGX_PROCESS_WORKER || ngx_process == NGX_PROCESS_SINGLE;
}

// To be called in init_process before timers are set: nginx has read its clock last before it read
// the configuration, which may take seconds, and so they would be over at once.
inline void read_clock() noexcept { ngx_time_update(); }

}  // namespace gatehouse::ngx
