#pragma once

#include <cstdint>
#include <ctime>

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// Microseconds of the machine's clock that never goes back, the same in all processes and finer
// than ngx_current_msec, which stands still during a turn of the event loop.
inline std::int64_t monotonic_microseconds() noexcept {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

// The same clock as nginx has read it for this turn of the event loop, to the millisecond; another
// process may be a turn behind.
inline std::int64_t turn_microseconds() noexcept {
    return static_cast<std::int64_t>(ngx_current_msec) * 1000;
}

}  // namespace gatehouse::ngx
