#pragma once

#include <string_view>

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// Where a callback can say what went wrong, found from its first argument.
inline ngx_log_t* log_of(const ngx_http_request_t* r) noexcept { return r->connection->log; }
inline ngx_log_t* log_of(const ngx_conf_t* cf) noexcept { return cf->log; }
inline ngx_log_t* log_of(const ngx_cycle_t* cycle) noexcept { return cycle->log; }
inline ngx_log_t* log_of(const ngx_event_t* event) noexcept { return event->log; }
inline ngx_log_t* log_of(const ngx_connection_t* c) noexcept { return c->log; }
inline ngx_log_t* log_of(const void*) noexcept { return ngx_cycle->log; }

// One line, from parts that may hold anything.
inline void log(ngx_uint_t level, ngx_log_t* log, std::string_view prefix,
                std::string_view text) noexcept {
    ngx_log_error(level, log, 0, "%*s%*s", prefix.size(), prefix.data(), text.size(), text.data());
}

}  // namespace gatehouse::ngx
