#pragma once

#include <optional>
#include <string>

#include "waf/core/seclang.hpp"

namespace gatehouse::waf {

// What is wrong with an exclusion that the library refuses with words about something else: ids in
// quotes (SecRuleRemoveById), and lists and regular expressions where ctl takes one id, range, tag
// or name.
std::optional<std::string> exclusion_mistake(const seclang::Directive& directive);

}  // namespace gatehouse::waf
