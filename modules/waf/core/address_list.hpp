#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "waf/core/seclang.hpp"

namespace gatehouse::waf {

// What @ipMatch and @ipMatchFromFile are given. The library says of none of it what is wrong.

// The first of the addresses and networks between commas that the library does not take; nothing if
// it takes all.
std::optional<std::string> address_mistake(std::string_view entries);

// The same of a file, whose lines may end with a comment.
std::optional<seclang::Problem> address_list_mistake(std::string_view text);

}  // namespace gatehouse::waf
