#include "waf/core/log_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <new>
#include <string_view>

#include "waf/core/imports.hpp"
#include "waf/core/libmodsecurity_api.hpp"

namespace gatehouse::waf {
namespace {

constexpr mode_t kUsualMode = 0666;  // of fopen(), but for the umask

struct OpenLog {
    std::FILE* stream = nullptr;
    bool is_new = false;  // made by the library, and nobody has given it a mode
};

// As long as the process: the library keeps its streams as long.
std::map<std::string, OpenLog, std::less<>>& open_logs() {
    static auto* const logs = new std::map<std::string, OpenLog, std::less<>>;
    return *logs;
}

OpenLog* find(const std::string& path) noexcept {
    const auto log = open_logs().find(path);
    return log == open_logs().end() ? nullptr : &log->second;
}

// In place of the library's fopen(). Only logs are opened to be appended to.
std::FILE* open_file(const char* path, const char* mode) {
    if (std::string_view(mode) != "a") {
        return std::fopen(path, mode);
    }
    const int made = ::open(path, O_CREAT | O_EXCL | O_WRONLY | O_APPEND, kUsualMode);
    if (made >= 0) {
        ::close(made);
    }
    std::FILE* const stream = std::fopen(path, mode);
    if (stream != nullptr) {
        open_logs()[path] = {stream, made >= 0};
    }
    return stream;
}

bool watch() noexcept {
    const auto* const inside = reinterpret_cast<const void*>(&modsecurity::msc_init);
    const auto* const substitute = reinterpret_cast<const void*>(&open_file);
    const bool usual = replace_import(inside, "fopen", substitute);
    const bool large = replace_import(inside, "fopen64", substitute);
    return usual || large;
}

}  // namespace

bool watch_log_files() noexcept {
    static const bool watched = watch();
    return watched;
}

bool is_open_log(const std::string& path) noexcept { return find(path) != nullptr; }

void set_mode_of_new_log(const LogFile& log) noexcept {
    OpenLog* const open = find(log.path);
    if (open != nullptr && open->is_new && log.mode) {
        open->is_new = ::fchmod(::fileno(open->stream), *log.mode) != 0;
    }
}

bool redirect_log(const std::string& path, int descriptor) noexcept {
    const OpenLog* const open = find(path);
    return open != nullptr && ::dup2(descriptor, ::fileno(open->stream)) >= 0;
}

}  // namespace gatehouse::waf
