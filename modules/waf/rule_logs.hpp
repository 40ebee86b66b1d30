#pragma once

#include <memory>
#include <vector>

#include "ngx/conf.hpp"
#include "waf/core/log_files.hpp"

namespace gatehouse::waf {

// The audit logs and debug logs of all rules, which nginx opens anew on `nginx -s reopen`, and the
// library goes on with what nginx has opened.
class RuleLogs {
  public:
    // While the configuration is read. False: the reason has been logged.
    bool add(ngx_conf_t* cf, LogFile log);

    // Before the library writes.
    void follow() const noexcept;

  private:
    struct Log {
        LogFile log;
        ngx_open_file_t* file = nullptr;
        mutable ngx_fd_t followed = NGX_INVALID_FILE;
    };

    static void before_reopening(ngx_open_file_t* file, ngx_log_t* log);

    std::vector<std::unique_ptr<const Log>> logs_;
};

}  // namespace gatehouse::waf
