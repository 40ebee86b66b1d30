#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace gatehouse::waf {

struct Tried {
    bool done = false;
    std::string text;  // what the task has returned, or why it has not
};

// Runs `task` in a child of this process, for calls that may not come back within `most`, or may
// end the process. Nothing is left of it but the text, whatever becomes of this process. The
// process must have one thread. Throws std::bad_alloc.
Tried try_in_child(const std::function<std::string()>& task, std::chrono::seconds most);

}  // namespace gatehouse::waf
