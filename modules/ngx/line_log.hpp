#pragma once

#include <string_view>

#include "ngx/conf.hpp"

namespace gatehouse::ngx {

// A log of whole lines, to a file, which `nginx -s reopen` opens anew, to the standard error output
// or to syslog.
struct LineLog {
    ngx_open_file_t* file = nullptr;
    ngx_syslog_peer_t* syslog = nullptr;

    bool is_on() const noexcept { return file != nullptr || syslog != nullptr; }

    // A line with its end. What cannot be written is told to `errors`. Throws std::bad_alloc.
    void write(std::string_view line, ngx_log_t* errors) const;
};

// Where the first argument of the directive says: a path, `stderr` or `syslog:server=...`, as in
// error_log. A path with variables is refused: nothing would open it anew.
ConfResult open_line_log(const Directive& directive, LineLog& log);

}  // namespace gatehouse::ngx
