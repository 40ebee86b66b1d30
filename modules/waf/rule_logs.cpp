#include "waf/rule_logs.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace gatehouse::waf {

bool RuleLogs::add(ngx_conf_t* cf, LogFile log) {
    const bool known = std::any_of(logs_.begin(), logs_.end(),
                                   [&](const auto& other) { return other->log.path == log.path; });
    if (known) {
        return true;
    }
    // The library takes a path for one in the working directory.
    ngx_str_t name = ngx::copy(cf->pool, std::filesystem::absolute(log.path).string());
    ngx_open_file_t* file = ngx_conf_open_file(cf->cycle, &name);
    if (file == nullptr) {
        return false;
    }
    logs_.push_back(std::make_unique<const Log>(Log{std::move(log), file}));
    if (file->flush == nullptr) {
        file->flush = before_reopening;
        file->data = const_cast<Log*>(logs_.back().get());
    }
    return true;
}

void RuleLogs::follow() const noexcept {
    for (const auto& log : logs_) {
        if (log->file->fd != log->followed && redirect_log(log->log.path, log->file->fd)) {
            log->followed = log->file->fd;
        }
    }
}

// nginx makes a file that is gone with a mode of its own. It says that it flushes what it has when
// a process ends, too.
void RuleLogs::before_reopening(ngx_open_file_t* file, ngx_log_t*) {
    const Log& log = *static_cast<const Log*>(file->data);
    if (ngx_exiting || ngx_terminate || ngx_quit || !log.log.mode) {
        return;
    }
    const ngx_fd_t made =
        ngx_open_file(file->name.data, NGX_FILE_APPEND, NGX_FILE_CREATE_OR_OPEN | O_EXCL, 0600);
    if (made != NGX_INVALID_FILE) {
        (void)::fchmod(made, *log.log.mode);
        ngx_close_file(made);
    }
}

}  // namespace gatehouse::waf
