#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::waf::tool {

// Letters that a value no longer has once all were turned to the other case.
enum class Gone : std::uint8_t { capitals, small };

// The first piece of a regular expression that asks for such a letter and so never matches: a
// literal, or a class of nothing else. Empty: there is none, or that is not certain, as in what is
// optional, in a negative assertion, and in expressions of more than is understood here.
std::string dead_piece(std::string_view pattern, Gone gone);

// The first word of a phrase with such a letter, macros aside.
std::string dead_word(std::string_view phrase, Gone gone);

}  // namespace gatehouse::waf::tool
