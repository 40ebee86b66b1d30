#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace gatehouse::waf::seclang {

inline bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

inline char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline bool is_name(char c) noexcept {
    const char l = lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// A text being read, and the line that it is at.
class Cursor {
  public:
    explicit Cursor(std::string_view text) noexcept : text_(text) {}

    bool done() const noexcept { return at_ == text_.size(); }
    int line() const noexcept { return line_; }
    std::string_view rest() const noexcept { return text_.substr(at_); }

    // NUL at the end.
    char peek() const noexcept { return done() ? '\0' : text_[at_]; }
    bool at(char c) const noexcept { return !done() && text_[at_] == c; }
    bool at_newline() const noexcept { return at('\n') || rest().substr(0, 2) == "\r\n"; }

    std::string_view take(std::size_t count) noexcept {
        const std::string_view taken = rest().substr(0, count);
        line_ += static_cast<int>(std::count(taken.begin(), taken.end(), '\n'));
        at_ += taken.size();
        return taken;
    }

    bool skip(char c) noexcept {
        if (!at(c)) {
            return false;
        }
        take(1);
        return true;
    }

    void skip_blanks() noexcept { take_while(is_blank); }

    template <class Predicate>
    std::string_view take_while(Predicate wanted) noexcept {
        const std::string_view text = rest();
        const auto end = std::find_if_not(text.begin(), text.end(), wanted);
        return take(static_cast<std::size_t>(end - text.begin()));
    }

    // A backslash before the end of the line, which joins it with the next.
    bool skip_continuation() noexcept {
        const std::string_view text = rest();
        const std::size_t length = text.starts_with("\\\n")     ? 2
                                   : text.starts_with("\\\r\n") ? 3
                                                                : 0;
        take(length);
        return length > 0;
    }

    void skip_gap() noexcept {
        do {
            skip_blanks();
        } while (skip_continuation());
    }

    // Up to the newline, which stays.
    std::string_view take_line() noexcept {
        return take(std::min(rest().find('\n'), rest().size()));
    }

  private:
    std::string_view text_;
    std::size_t at_ = 0;
    int line_ = 1;
};

// How long the text is before one of the characters that end it, npos if none comes. An odd number
// of backslashes escapes them, unless the text begins with these: libmodsecurity's patterns want a
// character before. A percent sign takes the next character along when `percent` is set.
inline std::size_t length_until(std::string_view text, std::string_view ends,
                                bool percent) noexcept {
    const auto is_end = [&](char c) { return ends.find(c) != ends.npos; };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {
            const std::size_t run = std::min(text.find_first_not_of('\\', i), text.size()) - i;
            i += run - 1;
            const bool escapes = run % 2 == 1 && i + 1 > run;
            if (escapes && i + 1 < text.size() && is_end(text[i + 1])) {
                ++i;
            }
        } else if (percent && text[i] == '%' && i + 1 < text.size() && text[i + 1] != '{') {
            ++i;
        } else if (is_end(text[i])) {
            return i;
        }
    }
    return std::string_view::npos;
}

}  // namespace gatehouse::waf::seclang
