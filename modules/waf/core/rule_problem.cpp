#include "waf/core/rule_problem.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "waf/core/rule_text.hpp"

namespace gatehouse::waf {
namespace {

// Rules error. File: NAME. Line: 1. Column: 2. REASON
struct ParserError {
    std::string_view file;
    int line = 0;
    std::string_view reason;
};

std::optional<ParserError> parse(std::string_view said) noexcept {
    constexpr std::string_view kFile = "Rules error. File: ";
    constexpr std::string_view kLine = ". Line: ";
    constexpr std::string_view kColumn = ". Column: ";
    const std::size_t column = said.find(kColumn);
    const std::size_t line = said.substr(0, column).rfind(kLine);
    if (!said.starts_with(kFile) || column == std::string_view::npos ||
        line == std::string_view::npos) {
        return std::nullopt;
    }
    ParserError error;
    error.file = said.substr(kFile.size(), line - kFile.size());
    const std::string_view number = said.substr(line + kLine.size(), column - line - kLine.size());
    std::from_chars(number.data(), number.data() + number.size(), error.line);
    error.reason = said.substr(column + kColumn.size());
    // The column, which is behind the mistake.
    const std::size_t end = error.reason.find(". ");
    error.reason.remove_prefix(end == std::string_view::npos ? 0 : end + 2);
    return error;
}

// The number in "Rule id: 1 is duplicated".
std::optional<std::string_view> duplicated_id(std::string_view said) noexcept {
    constexpr std::string_view kBegin = "Rule id: ";
    constexpr std::string_view kEnd = " is duplicated";
    const std::size_t end = said.find(kEnd);
    if (!said.starts_with(kBegin) || end == std::string_view::npos) {
        return std::nullopt;
    }
    return said.substr(kBegin.size(), end - kBegin.size());
}

std::string one_line(std::string_view text) {
    std::string line(trim(text));
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::replace(line.begin(), line.end(), '\r', ' ');
    return line;
}

}  // namespace

std::string describe_problem(std::string_view said, const RuleFiles& files, std::size_t source) {
    if (const auto error = parse(said)) {
        std::string reason = one_line(error->reason);
        if (reason.empty()) {
            reason = "syntax error";
        }
        return files.place(error->file, error->line, source) + ": " + reason;
    }
    if (const auto id = duplicated_id(said)) {
        const auto places = files.places_of_id(*id);
        std::string problem = "rule id " + std::string(*id) + " is duplicated";
        if (places.size() > 1) {
            return places[0] + ": " + problem + ", first at " + places[1];
        }
        return places.empty() ? problem : places[0] + ": " + problem;
    }
    if (said.starts_with("Rules must have an ID")) {
        const std::string place = files.place_without_id();
        return (place.empty() ? "" : place + ": ") + "rules must have an id";
    }
    return one_line(said);
}

}  // namespace gatehouse::waf
