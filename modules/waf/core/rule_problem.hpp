#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "waf/core/rule_files.hpp"

namespace gatehouse::waf {

// What the library's parser says, as FILE:LINE: reason, with the files that include that file.
// `source`: which one was being loaded.
std::string describe_problem(std::string_view said, const RuleFiles& files, std::size_t source);

// The end of what is said of a file that two directives of nginx name.
std::string describe_twice(std::string problem, std::string_view directive, std::string_view first);

}  // namespace gatehouse::waf
