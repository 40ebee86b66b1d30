#pragma once

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// Whether this process handles requests: cache manager and loader call init_process as well.
inline bool handles_requests() noexcept {
    return ngx_process == NGX_PROCESS_WORKER || ngx_process == NGX_PROCESS_SINGLE;
}

}  // namespace gatehouse::ngx
