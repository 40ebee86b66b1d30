#include <algorithm>
#include <array>
#include <cstddef>

#include "waf/core/seclang_marks.hpp"
#include "waf/core/seclang_scanner.hpp"
#include "waf/core/seclang_words.hpp"

namespace gatehouse::waf::seclang {
namespace {

constexpr const char* kNoActions =
    "actions were expected at its end: libmodsecurity takes the next line for them";
constexpr const char* kActionsInQuotes = "actions must be in double quotes";

// Actions whose argument is free text, in which blanks and newlines may stand.
bool takes_text(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 10> kNames{"msg",    "logdata", "tag",    "redirect",
                                                      "setenv", "setsid",  "setuid", "initcol",
                                                      "setrsc", "setvar"};
    return std::any_of(kNames.begin(), kNames.end(),
                       [&](std::string_view known) { return same_name(known, name); });
}

}  // namespace

std::string ActionScanner::quoted(std::string_view text) {
    constexpr std::size_t kShown = 40;
    std::string out = "\"";
    text = text.substr(0, text.find_first_of("\r\n"));
    for (const char c : text.substr(0, kShown)) {
        out += c >= ' ' && c != '\x7f' ? c : '?';
    }
    return out + (text.size() > kShown ? "...\"" : "\"");
}

bool ActionScanner::typographic_quote() {
    if (!starts_with_typographic_quote(in_.rest())) {
        return false;
    }
    problem("typographic quotes quote nothing: use \" and '");
    return true;
}

std::string ActionScanner::take_quoted(std::string_view quote, bool percent) {
    const std::size_t length = length_until(in_.rest(), quote, percent);
    if (length == std::string_view::npos) {
        problem("the quote is not closed");
        return std::string(in_.take_line());
    }
    std::string text(in_.take(length));
    in_.take(1);
    return text;
}

bool ActionScanner::at_directive() const noexcept {
    Cursor ahead = in_;
    return directive_form(ahead.take_while(is_name)).has_value();
}

void ActionScanner::actions(Directive& found) {
    in_.skip_gap();
    if (in_.skip('"')) {
        in_.skip_gap();
        action_list(found);
    } else if (in_.at_newline()) {
        next_line_actions(found);
    } else if (!in_.done()) {
        only_action(found);
    } else if (quoted_) {
        scan_.open_line = found.line;
    }
}

void ActionScanner::listed_actions(Directive& found) {
    if (in_.at('"') || next_line().at('"')) {
        actions(found);
    } else {
        problem(kActionsInQuotes);
    }
}

// One that is not in quotes: no list.
void ActionScanner::only_action(Directive& found) {
    const int line = in_.line();
    if (at_directive()) {
        problem_at(found.line, kNoActions);
        return;
    }
    if (in_.at('\'') || starts_with_typographic_quote(in_.rest())) {
        problem(kActionsInQuotes);
        return;
    }
    if (add_action(found, false) &&
        (in_.at(',') || found.actions.back().argument.find(',') != std::string::npos)) {
        problem_at(line, kActionsInQuotes);
    }
}

// At the first octet of the line behind the end of this one, without its indentation; here, if
// this one does not end here.
Cursor ActionScanner::next_line() const noexcept {
    Cursor ahead = in_;
    if (ahead.at_newline()) {
        ahead.take_while([](char c) { return c == '\r'; });
        ahead.take(1);
        ahead.skip_blanks();
    }
    return ahead;
}

// The list may stand in the next line without a backslash in the line before it. Behind an
// operator in quotes nothing else may stand there.
void ActionScanner::next_line_actions(Directive& found) {
    Cursor ahead = next_line();
    if (ahead.skip('"')) {
        in_ = ahead;
        action_list(found);
    } else if (quoted_ && !ahead.done() && !ahead.at_newline()) {
        problem_at(found.line, kNoActions);
    }
}

// Behind the quote that opens it. One problem is enough.
void ActionScanner::action_list(Directive& found) {
    for (;;) {
        in_.skip_gap();
        if (!add_action(found, true)) {
            return;
        }
        in_.skip_gap();
        if (in_.skip('"')) {
            end_of_list();
            return;
        }
        if (in_.done() || in_.at_newline()) {
            problem("the list of actions is not closed");
            return;
        }
        if (!in_.skip(',')) {
            problem("a comma was expected here, got " + quoted(in_.rest()));
            return;
        }
    }
}

// Another directive may follow in the same line, and a comment.
void ActionScanner::end_of_list() {
    in_.skip_gap();
    if (!in_.done() && !in_.at_newline() && !in_.at('#') && !at_directive()) {
        problem("nothing was expected behind the actions, got " + quoted(in_.rest()));
    }
}

bool ActionScanner::is_broken_continuation() const noexcept {
    Cursor ahead = in_;
    const bool is_backslash = ahead.skip('\\');
    ahead.skip_blanks();
    return is_backslash && ahead.at_newline();
}

bool ActionScanner::add_action(Directive& found, bool in_list) {
    Action action;
    action.line = in_.line();
    action.name = in_.take_while([](char c) {
        return c != ':' && c != ',' && c != '"' && c != '\'' && c != '\n' && c != '\r' &&
               c != '\\' && !is_blank(c);
    });
    if (action.name.empty()) {
        problem(is_broken_continuation()
                    ? "blanks behind the backslash: the line ends here"
                    : "an action was expected here, got " + quoted(in_.rest()));
        return false;
    }
    if (in_.skip(':')) {
        action.argument = action_argument(action.name, in_list);
    }
    found.actions.push_back(std::move(action));
    return true;
}

std::string ActionScanner::action_argument(std::string_view name, bool in_list) {
    if (in_.skip('\'')) {
        return take_quoted("'", false);
    }
    if (in_list && takes_text(name)) {
        if (in_.at('"') && !same_name(name, "setvar")) {
            in_.take(1);
            return take_quoted("\"", true);
        }
        const bool typographic = starts_with_typographic_quote(in_.rest());
        std::string text(in_.take(length_until(in_.rest(), ",\"", true)));
        if (typographic && !has_typographic_quote(std::string_view(text).substr(1))) {
            problem("typographic quotes quote nothing: use '");
        }
        return text;
    }
    std::size_t length = in_.rest().find_first_of(in_list ? ",\" \t\r\n" : " \t\r\n");
    length = std::min(length, in_.rest().size());
    const bool line_ends = in_.rest().substr(length).starts_with('\n') ||
                           in_.rest().substr(length).starts_with("\r\n");
    if (length > 0 && in_.rest()[length - 1] == '\\' && line_ends) {
        --length;  // a continuation
    }
    return std::string(in_.take(length));
}

}  // namespace gatehouse::waf::seclang
