#include "waf/tool/letter_case.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace gatehouse::waf::tool {

namespace {

bool is_small(int c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_capital(int c) noexcept { return c >= 'A' && c <= 'Z'; }
bool is_letter(int c) noexcept { return is_small(c) || is_capital(c); }
bool is_decimal(int c) noexcept { return c >= '0' && c <= '9'; }

bool is_hexadecimal(int c) noexcept {
    return is_decimal(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

constexpr int kAnything = -1;  // no single character

std::string in_other_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return static_cast<char>(is_letter(c) ? c ^ 0x20 : c); });
    return out;
}

// Reads an expression as PCRE does, as far as it is to be known where its literals are.
class PatternReader {
  public:
    PatternReader(std::string_view pattern, Gone gone) noexcept : text_(pattern), gone_(gone) {}

    std::string first_dead() {
        alternatives(false, 0);
        return sure_ && at_ == text_.size() && !dead_.empty() ? dead_.front() : std::string();
    }

  private:
    static constexpr int kMaxDepth = 100;

    bool done() const noexcept { return at_ >= text_.size(); }
    int peek(std::size_t ahead = 0) const noexcept {
        return at_ + ahead < text_.size() ? static_cast<unsigned char>(text_[at_ + ahead]) : 0;
    }
    bool skip(std::string_view what) noexcept {
        if (!text_.substr(at_).starts_with(what)) {
            return false;
        }
        at_ += what.size();
        return true;
    }
    void skip_past(char c) noexcept {
        const std::size_t end = text_.find(c, at_);
        sure_ = sure_ && end != text_.npos;
        at_ = end == text_.npos ? text_.size() : end + 1;
    }

    bool is_gone(int c) const noexcept {
        return gone_ == Gone::capitals ? is_capital(c) : is_small(c);
    }

    // Up to the end or the parenthesis. A branch that stands there in the other case, too, is meant
    // to.
    void alternatives(bool any_case, int depth) {
        if (depth > kMaxDepth) {
            sure_ = false;
            return;
        }
        std::set<std::string> branches;
        std::vector<std::pair<std::string, std::size_t>> doubtful;  // with the place in dead_
        do {
            const std::size_t begin = at_;
            const std::size_t before = dead_.size();
            sequence(any_case, depth);
            std::string branch(text_.substr(begin, at_ - begin));
            if (dead_.size() > before) {
                doubtful.emplace_back(in_other_case(branch), before);
            }
            branches.insert(std::move(branch));
        } while (sure_ && skip("|"));
        for (auto each = doubtful.rbegin(); each != doubtful.rend(); ++each) {
            if (branches.contains(each->first)) {
                dead_.erase(dead_.begin() + static_cast<std::ptrdiff_t>(each->second));
            }
        }
    }

    // An option in the midst of it holds for what follows, other branches included.
    void sequence(bool& any_case, int depth) {
        std::size_t run = at_;  // where the literal begins that is being read
        std::size_t end = at_;
        bool has_gone = false;
        const auto end_run = [&] {
            if (has_gone) {
                dead_.emplace_back(text_.substr(run, end - run));
            }
            has_gone = false;
        };
        while (sure_ && !done() && peek() != '|' && peek() != ')') {
            if (peek() == '(') {
                end_run();
                const std::size_t before = dead_.size();
                group(any_case, depth);
                if (optional()) {
                    dead_.resize(std::min(before, dead_.size()));
                }
                run = end = at_;
                continue;
            }
            const int c = peek() == '[' ? char_class() : literal();
            if (optional() || c == kAnything || any_case) {
                end_run();
                run = at_;
            } else {
                has_gone = has_gone || is_gone(c);
            }
            end = at_;
        }
        end_run();
    }

    // The quantifier behind an atom, and whether it allows for none.
    bool optional() noexcept {
        bool none = false;
        if (peek() == '*' || peek() == '?' || peek() == '+') {
            none = peek() != '+';
            ++at_;
        } else if (peek() == '{' && is_decimal(peek(1))) {
            std::size_t digits = 1;
            none = true;
            for (; is_decimal(peek(digits)); ++digits) {
                none = none && peek(digits) == '0';
            }
            const std::size_t close = text_.find('}', at_);
            const std::string_view rest = text_.substr(at_ + digits, close - at_ - digits);
            if (close == text_.npos || (!rest.empty() && rest.front() != ',') ||
                rest.find_first_not_of("0123456789,") != rest.npos) {
                return false;  // no quantifier
            }
            at_ = close + 1;
        } else {
            return false;
        }
        if (peek() == '+' || peek() == '?') {
            ++at_;
        }
        return none;
    }

    // One character, or kAnything.
    int literal() {
        const int c = peek();
        ++at_;
        if (c == '\\') {
            return escape();
        }
        return c == '.' || c == '^' || c == '$' ? kAnything : c;
    }

    int escape() {
        const int c = peek();
        ++at_;
        if (c == 'x') {
            return hexadecimal();
        }
        if (c == 'Q' || c == 'E' || c == 'o' || is_decimal(c)) {
            sure_ = sure_ && is_decimal(c) && c != '0' && !is_decimal(peek());
            return kAnything;  // of digits, a reference to a group
        }
        if (c == 'c') {
            ++at_;
            return kAnything;
        }
        if (c == 'p' || c == 'P' || c == 'k' || c == 'g' || c == 'N') {
            named(c);
            return kAnything;
        }
        return is_letter(c) ? kAnything : c;
    }

    // What is behind \p, \k, \g and \N.
    void named(int c) noexcept {
        if (peek() == '{') {
            if (c != 'N' || peek(1) == 'U') {
                skip_past('}');
            }
        } else if (peek() == '<' && c != 'N') {
            skip_past('>');
        } else if (peek() == '\'' && c != 'N') {
            ++at_;
            skip_past('\'');
        } else if (c == 'p' || c == 'P') {
            ++at_;
        }
    }

    int hexadecimal() {
        const bool braces = skip("{");
        const std::size_t begin = at_;
        while (is_hexadecimal(peek()) && (braces || at_ - begin < 2)) {
            ++at_;
        }
        const std::string digits(text_.substr(begin, at_ - begin));
        if (braces && !skip("}")) {
            sure_ = false;
        }
        if (digits.empty() || digits.size() > 4) {
            return kAnything;
        }
        return static_cast<int>(std::stoul(digits, nullptr, 16));
    }

    // Gone if nothing else is in it: then the class is as one such letter.
    int char_class() {
        ++at_;
        const bool negated = skip("^");
        bool all_gone = true;
        for (bool first = true; sure_ && (first || peek() != ']'); first = false) {
            if (done()) {
                sure_ = false;
                return kAnything;
            }
            if (peek() == '[' && (peek(1) == ':' || peek(1) == '.' || peek(1) == '=')) {
                const std::string_view name = text_.substr(at_, 10);
                all_gone = all_gone &&
                           name.starts_with(gone_ == Gone::capitals ? "[:upper:]" : "[:lower:]");
                skip_past(']');
                continue;
            }
            const int from = member();
            int to = from;
            if (peek() == '-' && peek(1) != ']') {
                ++at_;
                to = member();
            }
            all_gone = all_gone && is_gone(from) && is_gone(to);
        }
        ++at_;
        return !negated && all_gone ? (gone_ == Gone::capitals ? 'A' : 'a') : kAnything;
    }

    int member() {
        const int c = peek();
        ++at_;
        return c == '\\' ? escape() : c;
    }

    void group(bool& any_case, int depth) {
        ++at_;
        const std::size_t before = dead_.size();
        bool inner = any_case;
        bool negative = false;
        if (peek() == '*') {
            sure_ = false;
        } else if (skip("?")) {
            if (!group_kind(inner, negative)) {
                any_case = inner;  // an option for what follows, or nothing that matches
                return;
            }
        }
        alternatives(inner, depth + 1);
        if (negative) {
            dead_.resize(std::min(before, dead_.size()));
        }
        sure_ = sure_ && skip(")");
    }

    // Behind "(?". False: there is nothing inside.
    bool group_kind(bool& any_case, bool& negative) {
        if (skip("!") || skip("<!")) {
            negative = true;
            return true;
        }
        if (skip(":") || skip("|") || skip(">") || skip("=") || skip("<=")) {
            return true;
        }
        if (skip("P<") || skip("<")) {
            skip_past('>');
            return true;
        }
        if (skip("'")) {
            skip_past('\'');
            return true;
        }
        const int c = peek();
        if (c == '#' || c == 'P' || c == '&' || c == 'R' || c == 'C' || c == '+' || is_decimal(c) ||
            (c == '-' && is_decimal(peek(1)))) {
            skip_past(')');
            return false;
        }
        return options(any_case);
    }

    // "i)", "s-i:"
    bool options(bool& any_case) {
        bool on = true;
        for (; !done() && peek() != ')' && peek() != ':'; ++at_) {
            const int c = peek();
            if (c == '-' || c == '^') {
                on = c == '^';
                any_case = any_case && c == '-';
            } else if (c == 'i') {
                any_case = on;
            } else if (c != 's' && c != 'm' && c != 'n' && c != 'J' && c != 'U') {
                sure_ = false;  // x: blanks and comments
                return false;
            }
        }
        const bool has_body = peek() == ':';
        ++at_;
        return has_body;
    }

    const std::string_view text_;
    const Gone gone_;
    std::size_t at_ = 0;
    bool sure_ = true;
    std::vector<std::string> dead_;
};

}  // namespace

std::string dead_piece(std::string_view pattern, Gone gone) {
    if (pattern.find("%{") != pattern.npos) {
        return {};  // known at run time
    }
    return PatternReader(pattern, gone).first_dead();
}

std::string dead_word(std::string_view phrase, Gone gone) {
    std::string words;
    while (!phrase.empty()) {
        const std::size_t macro = std::min(phrase.find("%{"), phrase.size());
        words += phrase.substr(0, macro);
        phrase.remove_prefix(std::min(phrase.find('}', macro), phrase.size() - 1) + 1);
        words += ' ';
    }
    const auto wanted = [&](char c) {
        return gone == Gone::capitals ? is_capital(c) : is_small(c);
    };
    const auto found = std::find_if(words.begin(), words.end(), wanted);
    if (found == words.end()) {
        return {};
    }
    const auto at = static_cast<std::size_t>(found - words.begin());
    const std::size_t begin = words.find_last_of(" ,|", at) + 1;
    return words.substr(begin, words.find_first_of(" ,|", at) - begin);
}

}  // namespace gatehouse::waf::tool
