#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::waf::seclang {

// SecLang rule files, taken apart as libmodsecurity's scanner does it
// (src/parser/seclang-scanner.ll): where quotes end, what a backslash escapes, which lines
// continue, which comments do. Nothing is given a meaning here, unknown names included. Every input
// has a result, in time and memory that grow with its length only.

struct Variable {
    std::string name;      // as written, without ! and &
    std::string selector;  // behind the colon or dot
    bool excluded = false;
    bool counted = false;
    int line = 0;
};

struct Operator {
    bool negated = false;
    std::string name;      // without the @; empty: none is named, which means rx
    std::string argument;  // as written
    int line = 0;
};

struct Action {
    std::string name;      // as written
    std::string argument;  // behind the colon, without its quotes
    int line = 0;
};

struct Directive {
    std::string name;      // as written
    std::string argument;  // what follows, without quotes; not of what is taken apart below
    std::string text;      // all of it, as written
    bool broken = false;   // there is a problem with it, and the rest of it was left out
    int line = 0;

    std::vector<Variable> variables;    // SecRule, SecRuleUpdateTargetBy...
    std::optional<Operator> condition;  // SecRule
    std::vector<Action> actions;        // SecRule, SecAction, SecDefaultAction ...
};

// The first action of that name, whatever its case; null: there is none.
const Action* find_action(const Directive& directive, std::string_view name) noexcept;

// Text that is not SecLang.
struct Problem {
    int line = 0;
    std::string text;
};

struct Scan {
    std::vector<Directive> directives;
    std::vector<Problem> problems;
    // Of the directive at the end of the text that the library takes what follows the text for the
    // actions of.
    std::optional<int> open_line;
};

Scan scan(std::string_view text);

// The parts of "ARGS|!ARGS:q|&REQUEST_HEADERS:'/^x|y$/'". `line`: where the text is.
std::vector<Variable> split_variables(std::string_view text, int line);

// Names of SecLang are the same in either case.
bool same_name(std::string_view a, std::string_view b) noexcept;

}  // namespace gatehouse::waf::seclang
