#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "waf/core/seclang.hpp"

namespace gatehouse::waf {

// What is wrong with a directive that the library takes although it will crash of it, at once or
// with some request: it looks for a space where a tab may stand, uses regular expressions that it
// could not compile, and phases that it could not read; and phrases cost it their length squared.
// Or although the rule could never match, for its regular expression. And what it refuses without a
// reason: addresses.
std::optional<std::string> fatal_mistake(const seclang::Directive& directive);

// What is wrong with a SecRuleScript. A script is a rule of its own, which the library takes
// without what a rule needs. It looks for it in the directory that the process was started in,
// which may be another one on each start.
std::optional<std::string> script_mistake(const seclang::Directive& directive);

// The octets of a phrase of @pm, or of a line of @pmFromFile, from which on it is a mistake.
inline constexpr std::size_t kMaxPhrase = 4096;

}  // namespace gatehouse::waf
