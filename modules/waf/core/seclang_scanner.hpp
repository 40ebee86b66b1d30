#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "waf/core/seclang.hpp"
#include "waf/core/seclang_cursor.hpp"

namespace gatehouse::waf::seclang {

// What scan() is made of: a text being read, what was found, and the list of actions that ends most
// directives.
class ActionScanner {
  public:
    explicit ActionScanner(std::string_view text) noexcept : in_(text) {}

  protected:
    void problem(std::string text) { problem_at(in_.line(), std::move(text)); }
    void problem_at(int line, std::string text) {
        scan_.problems.push_back({line, std::move(text)});
    }

    // The beginning of the line, printable.
    static std::string quoted(std::string_view text);

    // Whether what looks like a quote stands here: that is a problem.
    bool typographic_quote();
    bool at_directive() const noexcept;

    // Behind the opening quote. Without a closing one the rest of the line is taken.
    std::string take_quoted(std::string_view quote, bool percent);

    // In quotes, or a single one.
    void actions(Directive& found);

    // Of SecAction, SecDefaultAction and SecRuleScript. What is before a quote the library writes
    // to its standard output, the next directives, too.
    void listed_actions(Directive& found);

    Cursor in_;
    Scan scan_;
    bool quoted_ = false;  // the operator, or what is in its place

  private:
    void only_action(Directive& found);
    Cursor next_line() const noexcept;
    void next_line_actions(Directive& found);
    void action_list(Directive& found);
    void end_of_list();
    bool add_action(Directive& found, bool in_list);
    bool is_broken_continuation() const noexcept;
    std::string action_argument(std::string_view name, bool in_list);
};

}  // namespace gatehouse::waf::seclang
