#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "waf/core/rule_files.hpp"

namespace gatehouse::waf {

// What the library's parser says, as FILE:LINE: reason, with the files that include that file.
// `source`: which one was being loaded.
std::string describe_problem(std::string_view said, const RuleFiles& files, std::size_t source);

}  // namespace gatehouse::waf
