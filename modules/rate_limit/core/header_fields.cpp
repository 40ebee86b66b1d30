#include "rate_limit/core/header_fields.hpp"

#include <algorithm>
#include <charconv>

namespace gatehouse::rate_limit {
namespace {

constexpr std::int64_t kPerSecond = 1'000'000;

// Two parameters of one letter, the largest numbers that they can have, and two quotation marks.
constexpr std::size_t kRest = 2 * 3 + 10 + 19 + 2;

bool escaped(char c) noexcept { return c == '"' || c == '\\'; }

bool starts_with(std::string_view name, std::string_view lower_case) noexcept {
    const auto same = [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
    };
    return name.size() >= lower_case.size() &&
           std::equal(lower_case.begin(), lower_case.end(), name.begin(),
                      [&](char b, char a) { return same(a, b); });
}

// Writes what is known to fit.
class Writer {
  public:
    explicit Writer(std::span<char, kFieldSize> buffer) noexcept
        : begin_(buffer.data()), next_(begin_), end_(begin_ + buffer.size()) {}

    // RFC 9651 section 4.1.6.
    void string(std::string_view text) noexcept {
        *next_++ = '"';
        for (const char c : text) {
            if (escaped(c)) {
                *next_++ = '\\';
            }
            *next_++ = c;
        }
        *next_++ = '"';
    }

    // RFC 9651 sections 4.1.1.2 and 4.1.4.
    void parameter(char key, std::int64_t value) noexcept {
        *next_++ = ';';
        *next_++ = key;
        *next_++ = '=';
        next_ = std::to_chars(next_, end_, value).ptr;
    }

    std::string_view text() const noexcept {
        return {begin_, static_cast<std::size_t>(next_ - begin_)};
    }

  private:
    char* begin_;
    char* next_;
    char* end_;
};

}  // namespace

std::string_view write_policy(std::span<char, kFieldSize> buffer, std::string_view name,
                              const Window& window, Algorithm algorithm) noexcept {
    if (!valid_name(name)) {
        return {};
    }
    const bool whole =
        algorithm == Algorithm::sliding_window || window.burst == window.rate.requests;
    const std::int64_t time = whole ? window.rate.period : window.time_of(window.burst);
    Writer out(buffer);
    out.string(name);
    out.parameter('q', window.burst);
    out.parameter('w', std::max<std::int64_t>(whole_seconds(time), 1));
    return out.text();
}

std::string_view write_limit(std::span<char, kFieldSize> buffer, std::string_view name,
                             const Verdict& verdict) noexcept {
    if (!valid_name(name)) {
        return {};
    }
    Writer out(buffer);
    out.string(name);
    out.parameter('r', verdict.remaining);
    out.parameter('t', whole_seconds(verdict.reset));
    return out.text();
}

bool is_limit_field(std::string_view name) noexcept {
    if (starts_with(name, "x-")) {
        name.remove_prefix(2);
    }
    for (const std::string_view word : {"ratelimit", "rate-limit"}) {
        if (starts_with(name, word)) {
            return name.size() == word.size() || name[word.size()] == '-';
        }
    }
    return false;
}

bool valid_name(std::string_view name) noexcept {
    const auto escapes = static_cast<std::size_t>(std::count_if(name.begin(), name.end(), escaped));
    return !name.empty() && name.size() + escapes <= kFieldSize - kRest &&
           std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::int64_t whole_seconds(std::int64_t microseconds) noexcept {
    return std::max<std::int64_t>(microseconds, 0) / kPerSecond +
           (microseconds % kPerSecond > 0 ? 1 : 0);
}

}  // namespace gatehouse::rate_limit
