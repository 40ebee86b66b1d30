#include <algorithm>
#include <cstddef>

#include "waf/core/seclang_marks.hpp"
#include "waf/core/seclang_scanner.hpp"
#include "waf/core/seclang_words.hpp"

namespace gatehouse::waf::seclang {

namespace {

// What follows may be quadratic in bad input only as often as this.
constexpr std::size_t kMaxProblems = 100;

// The library reads no further than the first NUL of a text, and says nothing.
std::optional<Problem> find_nul(std::string_view text) {
    const std::size_t nul = text.find('\0');
    if (nul == text.npos) {
        return std::nullopt;
    }
    if (is_utf16(text)) {
        return Problem{1, "the file is UTF-16: save it as UTF-8"};
    }
    text = text.substr(0, nul);
    return Problem{static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1,
                   "a NUL octet stands here"};
}

class Scanner : private ActionScanner {
  public:
    using ActionScanner::ActionScanner;

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
            } else if (in_.rest().starts_with(kByteOrderMark)) {
                problem("a byte order mark stands here: save the file without it");
                in_.take(kByteOrderMark.size());
            } else if (!in_.done()) {
                problem("a directive was expected here, got " + quoted(in_.take_line()));
            }
        }
        return std::move(scan_);
    }

  private:
    bool enough() const noexcept { return scan_.problems.size() >= kMaxProblems; }

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
        if (!typographic_quote()) {
            arguments(found);
        }
        follow_chain(found);
        // What one mistake leads to is no mistake of its own.
        if (scan_.problems.size() > problems) {
            found.broken = true;
            skip_rest();
        }
        found.text = all.substr(0, all.size() - in_.rest().size());
        scan_.directives.push_back(std::move(found));
    }

    void follow_chain(const Directive& found) {
        const auto form = directive_form(found.name);
        if (form == Form::script && chained_) {
            problem_at(found.line, "a script cannot be a link of a chain");
        }
        if (form == Form::rule || form == Form::actions || form == Form::script) {
            chained_ = find_action(found, "chain") != nullptr;
        }
    }

    void arguments(Directive& found) {
        switch (directive_form(found.name).value_or(Form::unsupported)) {
        case Form::rule:
            rule(found);
            break;
        case Form::script:
            found.argument = take_word();
            in_.skip_gap();
            listed_actions(found);
            break;
        case Form::update_actions:
            found.argument = take_word();
            quoted_ = true;
            actions(found);
            break;
        case Form::actions:
            listed_actions(found);
            break;
        case Form::update_targets:
            found.argument = take_word();
            in_.skip_gap();
            variables(found);
            break;
        case Form::word:
            found.argument = take_rest(found.line);
            if (found.argument.empty() && !same_name(found.name, "SecResponseBodyMimeTypesClear")) {
                problem_at(found.line, "an argument was expected behind " + found.name);
            }
            break;
        default:
            found.argument = take_rest(found.line);
        }
    }

    // In quotes, or up to a blank.
    std::string take_word() {
        if (in_.skip('"')) {
            return take_quoted("\"", false);
        }
        return std::string(in_.take_while(
            [](char c) { return !is_blank(c) && c != '"' && c != '\n' && c != '\r'; }));
    }

    // `line`: of the directive.
    std::string take_rest(int line) {
        std::string text = skip_rest();
        if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
            text = text.substr(1, text.size() - 2);
        } else if (text.starts_with('"') && text.find('"', 1) == text.npos) {
            problem_at(line, "the quote is not closed");
        }
        return text;
    }

    std::string skip_rest() {
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
        return text;
    }

    void rule(Directive& found) {
        if (!variables(found)) {
            return;
        }
        // Bare newlines may stand here, too.
        in_.take_while([](char c) { return is_blank(c) || c == '\\' || c == '\n' || c == '\r'; });
        if (in_.line() > found.line && at_directive()) {
            problem_at(found.line, "an operator was expected behind the variables");
            return;
        }
        if (!typographic_quote() && condition(found)) {
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
        const bool in_quotes = quoted_ = in_.skip('"');
        in_.skip_gap();
        op.negated = in_.skip('!');
        in_.skip_gap();
        if (in_.at('@')) {
            in_.take(1);
            op.name = in_.take_while(is_name);
            in_.skip(' ');
        }
        if (in_quotes) {
            const std::size_t problems = scan_.problems.size();
            op.argument = take_quoted("\"", true);
            return scan_.problems.size() == problems && ends_well(op.argument);
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

    bool chained_ = false;  // the rule before goes on
};

}  // namespace

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
