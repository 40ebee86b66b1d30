#include "connection_limit/core/owner.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdio>

namespace gatehouse::connection_limit {
namespace {

constexpr int kStartTimeField = 22;
constexpr int kStateField = 3;

std::optional<ProcessStat> read_process_stat(std::int32_t pid) noexcept {
    std::array<char, 32> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
    const int fd = open(path.data(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return std::nullopt;
    }
    // 52 fields of at most 20 digits and a short name: one read gets all of it.
    std::array<char, 2048> text{};
    ssize_t length = 0;
    do {
        length = read(fd, text.data(), text.size());
    } while (length < 0 && errno == EINTR);
    close(fd);
    if (length <= 0) {
        return std::nullopt;
    }
    return parse_process_stat({text.data(), static_cast<std::size_t>(length)});
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text) noexcept {
    // The name is in parentheses and may itself hold blanks and parentheses: only the last counts.
    const std::size_t name_end = text.rfind(')');
    if (name_end == text.npos) {
        return std::nullopt;
    }
    text.remove_prefix(name_end + 1);
    ProcessStat stat;
    for (int field = kStateField; field <= kStartTimeField; ++field) {
        if (text.empty() || text.front() != ' ') {
            return std::nullopt;
        }
        text.remove_prefix(1);
        const std::string_view value = text.substr(0, text.find_first_of(" \n"));
        text.remove_prefix(value.size());
        if (value.empty()) {
            return std::nullopt;
        }
        if (field == kStateField) {
            stat.state = value.front();
        } else if (field == kStartTimeField) {
            const auto [end, error] =
                std::from_chars(value.data(), value.data() + value.size(), stat.started);
            if (error != std::errc{} || end != value.data() + value.size()) {
                return std::nullopt;
            }
        }
    }
    return stat;
}

Owner self() noexcept {
    const std::int32_t pid = getpid();
    const auto stat = read_process_stat(pid);
    return {pid, stat ? stat->started : 0};
}

bool is_alive(const Owner& owner) noexcept {
    if (owner.pid <= 0 || (kill(owner.pid, 0) != 0 && errno == ESRCH)) {
        return false;
    }
    const auto stat = read_process_stat(owner.pid);
    if (!stat) {
        return true;
    }
    const bool ended = stat->state == 'Z' || stat->state == 'X' || stat->state == 'x';
    return !ended && (owner.started == 0 || stat->started == owner.started);
}

}  // namespace gatehouse::connection_limit
