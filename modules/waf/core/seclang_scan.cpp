#include <algorithm>
#include <array>
#include <cstddef>

#include "waf/core/seclang.hpp"
#include "waf/core/seclang_cursor.hpp"
#include "waf/core/seclang_words.hpp"

namespace gatehouse::waf::seclang {

namespace {

// What follows may be quadratic in bad input only as often as this.
constexpr std::size_t kMaxProblems = 100;

class Scanner {
  public:
    explicit Scanner(std::string_view text) noexcept : in_(text) {}

    Scan run() {
        if (auto nul = find_nul(in_.rest())) {
            scan_.problems.push_back(std::move(*nul));
        }
        while (!in_.done() && !enough()) {
            in_.skip_gap();
            if (in_.at('#')) {
                skip_comment();
            } else if (is_name(in_.peek())) {
                directive();
            } else if (in_.at('\n') || in_.at('\r')) {
                in_.take(1);
            } else if (!in_.done()) {
                problem("a directive was expected here, got " + quoted(in_.take_line()));
            }
        }
        return std::move(scan_);
    }

  private:
    static std::string quoted(std::string_view text) {
        constexpr std::size_t kShown = 40;
        std::string out = "\"";
        text = text.substr(0, text.find_first_of("\r\n"));
        for (const char c : text.substr(0, kShown)) {
            out += c >= ' ' && c != '\x7f' ? c : '?';
        }
        return out + (text.size() > kShown ? "...\"" : "\"");
    }

    bool enough() const noexcept { return scan_.problems.size() >= kMaxProblems; }

    void problem(std::string text) { scan_.problems.push_back({in_.line(), std::move(text)}); }

    // Only comments that hold a rule go on behind a backslash.
    void skip_comment() {
        std::string_view text = in_.take_line();
        std::string_view words = text.substr(1);
        words.remove_prefix(std::min(words.find_first_not_of(" \t"), words.size()));
        if (!words.starts_with("SecRule") && !words.starts_with("SecAction")) {
            return;
        }
        // In the first line blanks may stand behind the backslash, in later ones they may not.
        text = text.substr(0, text.find_last_not_of(" \t\r") + 1);
        while (text.ends_with('\\') && !in_.done()) {
            in_.take(1);
            text = in_.take_line();
            text = text.ends_with('\r') ? text.substr(0, text.size() - 1) : text;
        }
    }

    void directive() {
        Directive found;
        const std::size_t problems = scan_.problems.size();
        const std::string_view all = in_.rest();
        found.line = in_.line();
        found.name = in_.take_while(is_name);
        in_.skip_gap();

        switch (directive_form(found.name).value_or(Form::unsupported)) {
        case Form::rule:
            rule(found);
            break;
        case Form::script:
        case Form::update_actions:
            found.argument = take_word();
            actions(found);
            break;
        case Form::actions:
            actions(found);
            break;
        case Form::update_targets:
            found.argument = take_word();
            in_.skip_gap();
            variables(found);
            break;
        default:
            found.argument = take_rest();
        }
        // What one mistake leads to is no mistake of its own.
        if (scan_.problems.size() > problems) {
            found.broken = true;
            take_rest();
        }
        found.text = all.substr(0, all.size() - in_.rest().size());
        scan_.directives.push_back(std::move(found));
    }

    // In quotes, or up to a blank.
    std::string take_word() {
        if (in_.skip('"')) {
            return take_quoted("\"", false);
        }
        return std::string(in_.take_while(
            [](char c) { return !is_blank(c) && c != '"' && c != '\n' && c != '\r'; }));
    }

    // Behind the opening quote. Without a closing one the rest of the line is taken.
    std::string take_quoted(std::string_view quote, bool percent) {
        const std::size_t length = length_until(in_.rest(), quote, percent);
        if (length == std::string_view::npos) {
            problem("the quote is not closed");
            return std::string(in_.take_line());
        }
        std::string text(in_.take(length));
        in_.take(1);
        return text;
    }

    std::string take_rest() {
        std::string text;
        for (;;) {
            const std::string_view line = in_.take_line();
            text += line;
            const bool continues = line.ends_with('\\') || line.ends_with("\\\r");
            if (!continues || in_.done()) {
                break;
            }
            text.erase(text.size() - (line.ends_with('\r') ? 2 : 1));
            in_.take(1);
        }
        text.erase(text.find_last_not_of(" \t\r") + 1);
        if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
            text = text.substr(1, text.size() - 2);
        }
        return text;
    }

    void rule(Directive& found) {
        if (!variables(found)) {
            return;
        }
        // Bare newlines may stand here, too.
        in_.take_while([](char c) { return is_blank(c) || c == '\\' || c == '\n' || c == '\r'; });
        if (condition(found)) {
            actions(found);
        }
    }

    bool variables(Directive& found) {
        const int line = in_.line();
        std::string text;
        if (in_.skip('"')) {
            text = take_quoted("\"", false);
        } else {
            text = in_.take_while(
                [](char c) { return !is_blank(c) && c != '"' && c != '\n' && c != '\r'; });
            if (text.ends_with('\\') && in_.at_newline()) {
                text.pop_back();  // a continuation
            }
        }
        found.variables = split_variables(text, line);
        if (found.variables.empty()) {
            problem("variables were expected here");
            in_.take_line();
            return false;
        }
        return true;
    }

    bool condition(Directive& found) {
        Operator& op = found.condition.emplace();
        op.line = in_.line();
        const bool in_quotes = in_.skip('"');
        in_.skip_gap();
        op.negated = in_.skip('!');
        in_.skip_gap();
        if (in_.at('@')) {
            in_.take(1);
            op.name = in_.take_while(is_name);
            in_.skip(' ');
        }
        if (in_quotes) {
            op.argument = take_quoted("\"", true);
            return ends_well(op.argument);
        }
        const std::size_t blank =
            length_until(in_.rest().substr(0, in_.rest().find('\n')), " ", false);
        op.argument = in_.take(std::min(blank, in_.rest().find_first_of("\r\n")));
        if (op.name.empty() && op.argument.empty()) {
            problem("an operator was expected here");
            return false;
        }
        return true;
    }

    // Behind an operator in quotes: whether they end where they seem to.
    bool ends_well(std::string_view text) {
        if (text.find("%\"") != text.npos) {
            problem("the quote behind a percent sign ends nothing for libmodsecurity");
            return false;
        }
        if (!in_.done() &&
            std::string_view(" \t\r\n\\\"").find(in_.peek()) == std::string_view::npos) {
            problem("the operator ends here, before " + quoted(in_.rest()));
            return false;
        }
        return true;
    }

    void actions(Directive& found) {
        in_.skip_gap();
        if (in_.skip('"')) {
            in_.skip_gap();
            action_list(found);
            return;
        }
        if (in_.at_newline()) {
            next_line_actions(found);
        } else if (!in_.done()) {
            add_action(found, false);
        }
    }

    // The list may stand in the next line without a backslash in the line before it.
    void next_line_actions(Directive& found) {
        Cursor ahead = in_;
        ahead.take_while([](char c) { return c == '\r'; });
        ahead.take(1);
        ahead.skip_blanks();
        if (ahead.skip('"')) {
            in_ = ahead;
            action_list(found);
        }
    }

    // Behind the quote that opens it. One problem is enough.
    void action_list(Directive& found) {
        for (;;) {
            in_.skip_gap();
            if (!add_action(found, true)) {
                return;
            }
            in_.skip_gap();
            if (in_.skip('"')) {
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

    bool add_action(Directive& found, bool in_list) {
        Action action;
        action.line = in_.line();
        action.name = in_.take_while([](char c) {
            return c != ':' && c != ',' && c != '"' && c != '\'' && c != '\n' && c != '\r' &&
                   c != '\\' && !is_blank(c);
        });
        if (action.name.empty()) {
            problem("an action was expected here, got " + quoted(in_.rest()));
            return false;
        }
        if (in_.skip(':')) {
            action.argument = action_argument(action.name, in_list);
        }
        found.actions.push_back(std::move(action));
        return true;
    }

    // Actions whose argument is free text, in which blanks and newlines may stand.
    static bool takes_text(std::string_view name) noexcept {
        constexpr std::array<std::string_view, 10> kNames{"msg",    "logdata", "tag",    "redirect",
                                                          "setenv", "setsid",  "setuid", "initcol",
                                                          "setrsc", "setvar"};
        return std::any_of(kNames.begin(), kNames.end(),
                           [&](std::string_view known) { return same_name(known, name); });
    }

    std::string action_argument(std::string_view name, bool in_list) {
        if (in_.skip('\'')) {
            return take_quoted("'", false);
        }
        if (in_list && takes_text(name)) {
            if (in_.at('"') && !same_name(name, "setvar")) {
                in_.take(1);
                return take_quoted("\"", true);
            }
            return std::string(in_.take(length_until(in_.rest(), ",\"", true)));
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

    Cursor in_;
    Scan scan_;
};

}  // namespace

std::optional<Problem> find_nul(std::string_view text) {
    const std::size_t nul = text.find('\0');
    if (nul == text.npos) {
        return std::nullopt;
    }
    text = text.substr(0, nul);
    return Problem{static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1,
                   "a NUL octet stands here"};
}

Scan scan(std::string_view text) { return Scanner(text).run(); }

bool same_name(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

const Action* find_action(const Directive& directive, std::string_view name) noexcept {
    for (const Action& action : directive.actions) {
        if (same_name(action.name, name)) {
            return &action;
        }
    }
    return nullptr;
}

}  // namespace gatehouse::waf::seclang
