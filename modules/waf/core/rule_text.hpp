#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace gatehouse::waf {

// As much of SecLang as is needed to see which files rules are made of.

// Whether both are the same but for the case of ASCII letters.
bool same_word(std::string_view a, std::string_view b) noexcept;

// Takes leading blanks and the word behind them off the text.
std::string_view take_word(std::string_view& text) noexcept;

std::string_view trim(std::string_view text) noexcept;

// A directive with its arguments, comments left out.
struct Statement {
    std::string_view text;  // from the directive's first character on, line ends included
    int line = 0;
};

// Takes the next statement off the text. `line`: that the text begins with; kept up to date.
std::optional<Statement> take_statement(std::string_view& text, int& line) noexcept;

// How many of a statement's lines the library's parser does not count: those that continue it
// between variables and operator, inside an operator, inside single quotes, and behind SecAction.
int uncounted_lines(std::string_view statement) noexcept;

// An operator with a parameter, "@pm a b" for instance.
struct Operation {
    std::string_view name;  // without @
    std::string_view parameter;
};

// Takes the next of what may be an operator off the text: text in messages looks the same.
std::optional<Operation> take_operation(std::string_view& text) noexcept;

// The parameter of the first action of that name, "id:5" for instance; empty for one without.
std::optional<std::string_view> find_action(std::string_view statement,
                                            std::string_view name) noexcept;

}  // namespace gatehouse::waf
