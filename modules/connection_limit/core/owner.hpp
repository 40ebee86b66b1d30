#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::connection_limit {

// A process that holds leases. Where a process ID has been given to another process since, the
// start time tells them apart.
struct Owner {
    std::int32_t pid = 0;
    std::uint64_t started = 0;  // clock ticks since boot, /proc/PID/stat field 22; 0: unknown
    friend bool operator==(const Owner&, const Owner&) = default;
};

// This process.
Owner self() noexcept;

// Whether that process still runs. Dead are also a zombie, which runs nothing any more, and one
// whose ID has passed to a process that started at another time. Where /proc cannot be read, a
// process with that ID is taken for it.
bool is_alive(const Owner& owner) noexcept;

// What the text of /proc/PID/stat says, see proc(5); nothing if it is not such a text.
struct ProcessStat {
    char state = 0;  // R running, Z zombie ...
    std::uint64_t started = 0;
};
std::optional<ProcessStat> parse_process_stat(std::string_view text) noexcept;

}  // namespace gatehouse::connection_limit
