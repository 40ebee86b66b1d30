#include "waf/core/rule_text.hpp"

#include <algorithm>
#include <utility>

#include "waf/core/request_view.hpp"

namespace gatehouse::waf {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool is_blank(char c) noexcept { return kBlanks.find(c) != std::string_view::npos; }

// A line that the next one belongs to.
bool continues(std::string_view line) noexcept {
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return line.ends_with('\\');
}

// A comment goes on behind a backslash only if it looks like rules that were taken out.
bool is_one_line_comment(std::string_view text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    if (!text.starts_with('#')) {
        return false;
    }
    text.remove_prefix(std::min(text.find_first_not_of(" \t", 1), text.size()));
    return !text.starts_with("SecRule") && !text.starts_with("SecAction");
}

// What is before the quote that ends a text, with the quote.
std::size_t quoted_size(std::string_view text, char quote) noexcept {
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == quote) {
            return i + 1;
        }
    }
    return text.size();
}

int count_lines(std::string_view text) noexcept {
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

// Takes blanks and continued lines off the text.
std::string_view take_gap(std::string_view& text) noexcept {
    const std::size_t size = std::min(text.find_first_not_of(" \t\r\n\\"), text.size());
    const std::string_view gap = text.substr(0, size);
    text.remove_prefix(size);
    return gap;
}

// The first line with those that continue it, without the last line's end; counts lines.
std::string_view take_lines(std::string_view& text, int& line) noexcept {
    const bool single = is_one_line_comment(text);
    std::size_t begin = 0;
    for (;;) {
        const std::size_t end = text.find('\n', begin);
        ++line;
        if (end == std::string_view::npos) {
            return std::exchange(text, {});
        }
        if (single || !continues(text.substr(begin, end - begin))) {
            const std::string_view taken = text.substr(0, end);
            text.remove_prefix(end + 1);
            return taken;
        }
        begin = end + 1;
    }
}

}  // namespace

bool same_word(std::string_view a, std::string_view b) noexcept { return same_text(a, b); }

std::string_view take_word(std::string_view& text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    return word;
}

std::string_view trim(std::string_view text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::optional<Statement> take_statement(std::string_view& text, int& line) noexcept {
    while (!text.empty()) {
        const int first = line;
        const std::string_view statement = trim(take_lines(text, line));
        if (!statement.empty() && statement.front() != '#') {
            return Statement{statement, first};
        }
    }
    return std::nullopt;
}

int uncounted_lines(std::string_view statement) noexcept {
    const std::string_view directive = take_word(statement);
    int lines = 0;
    if (same_word(directive, "SecRule")) {
        take_gap(statement);
        take_word(statement);
        lines += count_lines(take_gap(statement));
        const std::size_t size = statement.starts_with('"')
                                     ? quoted_size(statement, '"')
                                     : std::min(statement.find_first_of(kBlanks), statement.size());
        lines += count_lines(statement.substr(0, size));
        statement.remove_prefix(size);
    } else if (same_word(directive, "SecAction")) {
        lines += count_lines(take_gap(statement));
    } else {
        return 0;
    }
    for (std::size_t at; (at = statement.find('\'')) != std::string_view::npos;) {
        statement.remove_prefix(at);
        const std::size_t size = quoted_size(statement, '\'');
        lines += count_lines(statement.substr(0, size));
        statement.remove_prefix(size);
    }
    return lines;
}

std::optional<Operation> take_operation(std::string_view& text) noexcept {
    const std::size_t at = text.find('@');
    if (at == std::string_view::npos) {
        text = {};
        return std::nullopt;
    }
    std::size_t before = at;
    if (before > 0 && text[before - 1] == '!') {
        --before;
    }
    const bool quoted = before > 0 && text[before - 1] == '"';
    text.remove_prefix(at + 1);
    std::string_view all = text;
    if (quoted) {
        all = all.substr(0, all.find('"'));
    }
    Operation operation;
    operation.name = take_word(all);
    operation.parameter = quoted ? trim(all) : take_word(all);
    return operation;
}

std::optional<std::string_view> find_action(std::string_view statement,
                                            std::string_view name) noexcept {
    for (std::size_t at = 0; at + name.size() <= statement.size(); ++at) {
        const std::size_t end = at + name.size();
        const bool begins = at == 0 || is_blank(statement[at - 1]) || statement[at - 1] == ',' ||
                            statement[at - 1] == '"';
        if (!begins || !same_word(statement.substr(at, name.size()), name)) {
            continue;
        }
        std::string_view rest = statement.substr(end);
        if (rest.empty() || rest.front() == ',' || rest.front() == '"' || is_blank(rest.front())) {
            return std::string_view();
        }
        if (rest.front() == ':') {
            rest.remove_prefix(1);
            if (rest.starts_with('\'')) {
                rest.remove_prefix(1);
            }
            return rest.substr(0, rest.find_first_of(",\"' \t\r\n"));
        }
    }
    return std::nullopt;
}

}  // namespace gatehouse::waf
