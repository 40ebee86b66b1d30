#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

namespace gatehouse::waf {

// The files that the library appends to: audit logs and debug logs. It opens each of them once for
// the process, with any mode, and never again. Its fopen() leads to a function that knows them.

// A log of rules.
struct LogFile {
    std::string path;
    std::optional<mode_t> mode;  // that it is to have when it is made
};

// Puts the function in place, once for the process and before rules are loaded; false: the library
// does not call what is to be replaced, and its logs stay as they are.
bool watch_log_files() noexcept;

// Whether the library has it open.
bool is_open_log(const std::string& path) noexcept;

// Gives the mode to a log that the library has made; not to one that was there before.
void set_mode_of_new_log(const LogFile& log) noexcept;

// From here on the library appends to what `descriptor` is open for. False: it cannot be.
bool redirect_log(const std::string& path, int descriptor) noexcept;

}  // namespace gatehouse::waf
