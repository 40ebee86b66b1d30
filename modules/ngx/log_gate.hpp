#pragma once

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// At most one line of a kind per interval: what comes again and again must not fill the log.
class LogGate {
  public:
    bool open() noexcept {
        if (used_ && ngx_current_msec - last_ < kInterval) {
            return false;
        }
        used_ = true;
        last_ = ngx_current_msec;
        return true;
    }

  private:
    static constexpr ngx_msec_t kInterval = 10000;
    bool used_ = false;
    ngx_msec_t last_ = 0;
};

}  // namespace gatehouse::ngx
