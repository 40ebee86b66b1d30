#include "ngx/captured_log.hpp"

#include <algorithm>

namespace gatehouse::ngx {
namespace {

// `2025/01/31 12:00:00 [error] 123#123: text\n`
std::string_view text_of(std::string_view line) noexcept {
    constexpr std::string_view kEndOfPrefix = ": ";
    if (const std::size_t end = line.find(kEndOfPrefix); end != std::string_view::npos) {
        line.remove_prefix(end + kEndOfPrefix.size());
    }
    while (line.ends_with('\n')) {
        line.remove_suffix(1);
    }
    return line;
}

}  // namespace

CapturedLog::CapturedLog(ngx_log_t* parent) noexcept : parent_(parent) {
    log_.log_level = std::max<ngx_uint_t>(NGX_LOG_INFO, parent->log_level);
    log_.writer = write;
    log_.wdata = this;
}

void CapturedLog::write(ngx_log_t* log, ngx_uint_t level, u_char* line, std::size_t size) noexcept {
    auto& self = *static_cast<CapturedLog*>(log->wdata);
    const std::string_view text = text_of({reinterpret_cast<const char*>(line), size});
    if (level <= NGX_LOG_ALERT || level >= NGX_LOG_DEBUG) {
        ngx_log_error(level, self.parent_, 0, "%*s", text.size(), text.data());
    }
    if (level < NGX_LOG_DEBUG) {
        self.keep(text);
    }
}

void CapturedLog::keep(std::string_view text) noexcept {
    size_ = std::min(text.size(), text_.size());
    std::copy_n(text.begin(), size_, text_.begin());
}

}  // namespace gatehouse::ngx
