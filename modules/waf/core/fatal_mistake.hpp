#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::waf {

// What is wrong with a statement that the library takes although it will crash of it, at once or
// with the first request: it uses regular expressions that it could not compile where they select
// variables or relevant status codes, and phases that it could not read.
std::optional<std::string> fatal_mistake(std::string_view statement);

}  // namespace gatehouse::waf
