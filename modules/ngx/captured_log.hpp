#pragma once

#include <array>
#include <string_view>

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// A log that keeps to itself what nginx's functions say about a connection: a peer that is away
// would fill the error log with each attempt, but whoever reports it wants to say why. Alerts, and
// what a debug log wants, pass through.
class CapturedLog {
  public:
    explicit CapturedLog(ngx_log_t* parent) noexcept;  // which must outlive this
    CapturedLog(const CapturedLog&) = delete;
    CapturedLog& operator=(const CapturedLog&) = delete;

    ngx_log_t* get() noexcept { return &log_; }

    // The latest line without time and process, cut to 256 octets; empty if there is none.
    std::string_view last() const noexcept { return {text_.data(), size_}; }
    void clear() noexcept { size_ = 0; }

  private:
    static void write(ngx_log_t* log, ngx_uint_t level, u_char* line, std::size_t size) noexcept;
    void keep(std::string_view text) noexcept;

    ngx_log_t log_{};
    ngx_log_t* parent_;
    std::array<char, 256> text_;
    std::size_t size_ = 0;
};

}  // namespace gatehouse::ngx
