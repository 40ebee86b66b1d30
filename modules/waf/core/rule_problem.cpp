#include "waf/core/rule_problem.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

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
    constexpr std::string_view kComplaint = " is duplicated";
    const std::size_t end = said.find(kComplaint);
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

std::string_view directive_of(const Statement& statement) noexcept {
    std::string_view text = statement.text;
    return take_word(text);
}

bool is_rule(const Statement& statement) noexcept {
    return same_word(directive_of(statement), "SecRule");
}

std::string with_place(const std::string& place, const std::string& reason) {
    return place.empty() ? reason : place + ": " + reason;
}

// For what a directive but SecRule does wrong the parser names the line before. The directive by
// words of the reason; empty: the line is right.
std::string_view culprit(std::string_view reason) noexcept {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kReasons{{
        {"SecDefaultAction", "SecDefaultAction"},
        {"DebugLog", "SecDebugLog"},
        {"GeoDB", "SecGeoLookupDb"},
        {"unicode map", "SecUnicodeMapFile"},
        {"Failed to load script", "SecRuleScript"},
        {"Argument separator", "SecArgumentSeparator"},
    }};
    for (const auto& [words, directive] : kReasons) {
        if (reason.find(words) != std::string_view::npos) {
            return directive;
        }
    }
    // "SecHashKey is not yet supported.", "SecRuleRemoveById: failed to load"
    return reason.starts_with("Sec") ? reason.substr(0, reason.find_first_of(": "))
                                     : std::string_view();
}

// Calls `visit(file, statement, said)`, with the line that the parser has for the statement.
template <class F>
bool any_statement_said(const RuleFiles& files, F&& visit) {
    std::vector<int> uncounted(files.size());
    return files.any_statement([&](std::size_t file, const Statement& statement) {
        const int said = statement.line - uncounted[file];
        uncounted[file] += uncounted_lines(statement.text);
        return visit(file, statement, said);
    });
}

// The first directive of that name behind the line that the parser has said, in the order of
// reading. Of what stands before all others it says no file.
std::string place_of_culprit(const RuleFiles& files, std::string_view directive,
                             std::optional<std::size_t> before, int line) {
    std::string place;
    bool behind = !before;
    any_statement_said(files, [&](std::size_t file, const Statement& statement, int said) {
        if (file == before && said <= line) {
            behind = true;
            place.clear();
        } else if (behind && place.empty() && same_word(directive_of(statement), directive)) {
            place = files.place(file, statement.line);
        }
        return false;
    });
    return place;
}

// Where that is which the parser has this line for. Its lines within actions are those behind all
// that it does not count.
int real_line(const ParserError& error, std::size_t in, const RuleFiles& files) {
    int line = error.line;
    any_statement_said(files, [&](std::size_t file, const Statement& statement, int said) {
        if (file != in) {
            return false;
        }
        if (said > error.line) {
            return true;
        }
        const bool in_actions =
            error.line > said || error.reason.starts_with("Expecting an action");
        const int last = statement.line + static_cast<int>(std::count(statement.text.begin(),
                                                                      statement.text.end(), '\n'));
        line = error.line + statement.line - said;
        if (in_actions && line <= last) {
            line = std::min(line + uncounted_lines(statement.text), last);
        }
        return false;
    });
    return line;
}

std::string describe_parser_error(const ParserError& error, const RuleFiles& files,
                                  std::size_t source) {
    const auto file = files.find(error.file, source);
    const std::string reason = error.reason.empty() ? "syntax error" : one_line(error.reason);
    std::string place;
    if (const std::string_view directive = culprit(reason); !directive.empty()) {
        place = place_of_culprit(files, directive, error.file.empty() ? std::nullopt : file,
                                 error.line);
    }
    if (place.empty()) {
        place = file ? files.place(*file, real_line(error, *file, files))
                     : std::string(error.file) + ':' + std::to_string(error.line);
    }
    return with_place(place, reason);
}

std::string describe_duplicate(std::string_view id, const RuleFiles& files) {
    std::vector<std::pair<std::string, std::size_t>> places;
    files.any_statement([&](std::size_t file, const Statement& statement) {
        if (is_rule(statement) && find_action(statement.text, "id") == id) {
            places.emplace_back(files.place(file, statement.line), file);
        }
        return false;
    });
    const std::string problem = "rule id " + std::string(id) + " is duplicated";
    if (places.size() < 2) {
        return places.empty() ? problem : with_place(places[0].first, problem);
    }
    const auto& [first, first_file] = places[0];
    const auto& [second, second_file] = places[1];
    return with_place(second, second != first
                                  ? problem + ", first at " + first
                                  : describe_twice(problem + ", ", files.directive(second_file),
                                                   files.directive(first_file)));
}

// The parser names the line but no file.
std::string place_without_id(std::string_view said, const RuleFiles& files) {
    constexpr std::string_view kLine = " at line: ";
    int line = 0;
    if (const std::size_t at = said.find(kLine); at != std::string_view::npos) {
        std::from_chars(said.data() + at + kLine.size(), said.data() + said.size(), line);
    }
    std::string place;
    any_statement_said(files, [&](std::size_t file, const Statement& statement, int counted) {
        if (counted != line || !is_rule(statement)) {
            return false;
        }
        place = files.place(file, statement.line);
        return !find_action(statement.text, "id");
    });
    return place;
}

std::string place_of_disruptive_link(const RuleFiles& files) {
    std::string place;
    bool chained = false;
    files.any_statement([&](std::size_t file, const Statement& statement) {
        if (!is_rule(statement)) {
            return false;
        }
        for (const std::string_view action : {"deny", "drop", "allow", "pass", "redirect"}) {
            if (chained && find_action(statement.text, action)) {
                place = files.place(file, statement.line);
                return true;
            }
        }
        chained = find_action(statement.text, "chain").has_value();
        return false;
    });
    return place;
}

std::string place_of_audit_log(std::string_view path, const RuleFiles& files) {
    std::string place;
    files.any_statement([&](std::size_t file, const Statement& statement) {
        if (!same_word(directive_of(statement).substr(0, 11), "SecAuditLog") ||
            statement.text.find(path) == std::string_view::npos) {
            return false;
        }
        place = files.place(file, statement.line);
        return true;
    });
    return place;
}

}  // namespace

std::string describe_twice(std::string problem, std::string_view directive,
                           std::string_view first) {
    problem += "as its file is named at ";
    return problem.append(directive).append(" and at ").append(first);
}

std::string describe_problem(std::string_view said, const RuleFiles& files, std::size_t source) {
    if (const auto error = parse(said)) {
        return describe_parser_error(*error, files, source);
    }
    if (const auto id = duplicated_id(said)) {
        return describe_duplicate(*id, files);
    }
    if (said.starts_with("Rules must have an ID")) {
        return with_place(place_without_id(said, files), "rules must have an id");
    }
    std::string reason = one_line(said);
    if (said.starts_with("Disruptive actions can only")) {
        return with_place(place_of_disruptive_link(files), reason);
    }
    constexpr std::string_view kUnopened = "Failed to open file: ";
    if (said.starts_with(kUnopened)) {
        return with_place(place_of_audit_log(one_line(said.substr(kUnopened.size())), files),
                          reason);
    }
    return reason;
}

}  // namespace gatehouse::waf
