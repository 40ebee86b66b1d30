#include "waf/core/rule_text.hpp"

#include <algorithm>
#include <utility>

namespace gatehouse::waf {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_blank(char c) noexcept { return kBlanks.find(c) != std::string_view::npos; }

// A line that the next one belongs to.
bool continues(std::string_view line) noexcept {
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return line.ends_with('\\');
}

// The first line with those that continue it, without the last line's end; counts lines.
std::string_view take_lines(std::string_view& text, int& line) noexcept {
    std::size_t begin = 0;
    for (;;) {
        const std::size_t end = text.find('\n', begin);
        ++line;
        if (end == std::string_view::npos) {
            return std::exchange(text, {});
        }
        if (!continues(text.substr(begin, end - begin))) {
            const std::string_view taken = text.substr(0, end);
            text.remove_prefix(end + 1);
            return taken;
        }
        begin = end + 1;
    }
}

}  // namespace

bool same_word(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

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
