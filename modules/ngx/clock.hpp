#pragma once

#include <cstdint>
#include <ctime>

namespace gatehouse::ngx {

// Microseconds of the machine's clock that never goes back, the same in all processes and finer
// than ngx_current_msec, which stands still during a turn of the event loop.
inline std::int64_t monotonic_microseconds() noexcept {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

}  // namespace gatehouse::ngx
