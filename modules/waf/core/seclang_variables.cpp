#include <algorithm>

#include "waf/core/seclang.hpp"

namespace gatehouse::waf::seclang {

namespace {

// Where the first variable of the text ends. Only a selector in quotes, '/a|b/', hides the
// separators; `quotes`: whether such may still come.
std::size_t variable_length(std::string_view text, bool& quotes) noexcept {
    const std::size_t separator = std::min(text.find_first_of("|,"), text.size());
    const std::size_t quote = quotes ? text.substr(0, separator).find("'/") : text.npos;
    if (quote != text.npos) {
        const std::size_t end = text.find("/'", quote + 2);
        quotes = end != text.npos;
        if (quotes) {
            return std::min(text.find_first_of("|,", end), text.size());
        }
    }
    return separator;
}

}  // namespace

std::vector<Variable> split_variables(std::string_view text, int line) {
    std::vector<Variable> found;
    bool quotes = true;
    while (!text.empty()) {
        const std::string_view part = text.substr(0, variable_length(text, quotes));
        text.remove_prefix(std::min(part.size() + 1, text.size()));

        Variable variable;
        variable.line = line;
        std::string_view name = part;
        while (name.starts_with('!') || name.starts_with('&')) {
            (name.front() == '!' ? variable.excluded : variable.counted) = true;
            name.remove_prefix(1);
        }
        const std::size_t colon = std::min(name.find_first_of(":."), name.size());
        variable.name = name.substr(0, colon);
        variable.selector = name.substr(std::min(colon + 1, name.size()));
        found.push_back(std::move(variable));
    }
    return found;
}

}  // namespace gatehouse::waf::seclang
