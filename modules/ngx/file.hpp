#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// A small regular file read whole. `problem` is empty on success and otherwise says, in nginx's
// manner
// (`open() "x" failed (2: No such file or directory)`), why `content` is empty.
struct FileContent {
    std::string content;
    std::string problem;
};

// Throws std::bad_alloc.
FileContent read_file(std::string_view path, std::size_t limit);

}  // namespace gatehouse::ngx
