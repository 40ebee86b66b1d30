#pragma once

#include <string>
#include <string_view>

namespace gatehouse::waf::tool {

// Regular expressions that match the whole text and its like, and nothing else.

// Segments that are numbers, UUIDs, or hexadecimal with 16 digits at least stand for all such.
std::string path_pattern(std::string_view path);

// Indices of arrays, as libmodsecurity has them in names of JSON (array_0), stand for all.
std::string name_pattern(std::string_view name);
bool has_index(std::string_view name);

}  // namespace gatehouse::waf::tool
