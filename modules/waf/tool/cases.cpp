#include "waf/tool/cases.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "waf/core/json.hpp"
#include "waf/core/rule_text.hpp"
#include "waf/tool/message_file.hpp"
#include "waf/tool/text.hpp"
#include "waf/tool/trial.hpp"

namespace gatehouse::waf::tool {
namespace {

template <class Number>
bool read_number(std::string_view text, Number& value) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && value > 0;
}

// Empty: the word is understood.
std::string take_expectation(std::string_view word, Case& one) {
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const std::string_view value = equals == word.npos ? "" : word.substr(equals + 1);
    std::int64_t id = 0;
    if ((name == "status" && read_number(value, one.status)) ||
        (name == "entry" && read_number(value, one.entry))) {
        return {};
    }
    if ((name == "rule" || name == "norule") && read_number(value, id)) {
        (name == "rule" ? one.rules : one.others).push_back(id);
        return {};
    }
    if (name == "response" && !value.empty()) {
        one.response = value;
        return {};
    }
    if (name == "client" && is_address(std::string(value))) {
        one.client = value;
        return {};
    }
    return "\"status=CODE\", \"rule=ID\", \"norule=ID\", \"response=FILE\", \"client=ADDRESS\" or "
           "\"entry=NUMBER\" was expected, got \"" +
           std::string(word) + '"';
}

std::string take_case(std::string_view line, Case& one) {
    one.request = take_word(line);
    one.verdict = take_word(line);
    if (one.verdict != "passed" && one.verdict != "blocked" && one.verdict != "redirected") {
        return "\"passed\", \"blocked\" or \"redirected\" was expected behind the request, got \"" +
               one.verdict + '"';
    }
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
        if (std::string problem = take_expectation(word, one); !problem.empty()) {
            return problem;
        }
    }
    return one.verdict == "passed" && one.status != 0 ? "a request that passes has no status"
                                                      : std::string();
}

bool matched(const Outcome& outcome, std::int64_t id) noexcept {
    return std::any_of(outcome.hits.begin(), outcome.hits.end(),
                       [&](const Hit& hit) { return hit.id == id; });
}

std::string verdict_word(const Outcome& outcome) {
    return outcome.failed        ? "failed"
           : !outcome.blocked    ? "passed"
           : outcome.url.empty() ? "blocked"
                                 : "redirected";
}

std::string describe_outcome(const Outcome& outcome) {
    std::string text = verdict_word(outcome);
    if (outcome.blocked) {
        text += " status=" + std::to_string(outcome.status);
    }
    for (const Hit& hit : outcome.hits) {
        text += " rule=" + std::to_string(hit.id);
    }
    return outcome.reason.empty() ? text : text + " (" + outcome.reason + ')';
}

std::string difference(const Case& one, const Outcome& outcome) {
    const bool same_status = one.status == 0 || (outcome.blocked && one.status == outcome.status);
    if (one.verdict != verdict_word(outcome) || !same_status) {
        return one.verdict + (one.status == 0 ? "" : " status=" + std::to_string(one.status));
    }
    for (const std::int64_t id : one.rules) {
        if (!matched(outcome, id)) {
            return "rule=" + std::to_string(id);
        }
    }
    for (const std::int64_t id : one.others) {
        if (matched(outcome, id)) {
            return "norule=" + std::to_string(id);
        }
    }
    return {};
}

std::string beside(const std::string& list, const std::string& file) {
    return (std::filesystem::path(list).parent_path() / file).string();
}

}  // namespace

std::optional<std::vector<Case>> parse_cases(std::string_view text, std::string& problem) {
    std::vector<Case> cases;
    for (int number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.front() == '#') {
            continue;
        }
        Case one;
        one.line = number;
        if (std::string reason = take_case(line, one); !reason.empty()) {
            problem = std::to_string(number) + ": " + reason;
            return std::nullopt;
        }
        cases.push_back(std::move(one));
    }
    if (cases.empty()) {
        problem = "1: no request is named";  // nothing that was tested is no success
        return std::nullopt;
    }
    return cases;
}

std::optional<std::vector<CaseResult>> run_cases(Engine& engine, const RuleSetPtr& rules,
                                                 const std::string& list,
                                                 const std::vector<Case>& cases,
                                                 std::string& problem) {
    std::vector<CaseResult> results;
    for (const Case& one : cases) {
        const auto exchange = read_exchange(beside(list, one.request),
                                            one.response.empty() ? "" : beside(list, one.response),
                                            one.entry, problem);
        if (!exchange) {
            problem.insert(0, ": ")
                .insert(0, std::to_string(one.line))
                .insert(0, ":")
                .insert(0, list);
            return std::nullopt;
        }
        const Outcome outcome =
            run_trial(engine, rules, *exchange, client_of(*exchange, one.client));
        results.push_back({&one, describe_outcome(outcome), difference(one, outcome)});
    }
    return results;
}

bool all_as_expected(const std::vector<CaseResult>& results) noexcept {
    return std::all_of(results.begin(), results.end(),
                       [](const CaseResult& result) { return result.differs.empty(); });
}

std::string to_text(const std::vector<CaseResult>& results) {
    std::string out;
    std::size_t failed = 0;
    for (const CaseResult& result : results) {
        const std::string what =
            std::to_string(result.expected->line) + ": " + printable(result.expected->request);
        if (result.differs.empty()) {
            out += "ok      " + what + '\n';
            continue;
        }
        ++failed;
        out += "FAILED  " + what + ": expected " + result.differs + ", got " +
               printable(result.got) + '\n';
    }
    return out + std::to_string(results.size() - failed) + " as expected, " +
           std::to_string(failed) + " not\n";
}

std::string to_json(const std::vector<CaseResult>& results) {
    Json cases = Json::array();
    for (const CaseResult& result : results) {
        Json one = Json::object();
        one.set("line", Json::number(result.expected->line));
        one.set("request", result.expected->request);
        one.set("as_expected", Json::boolean(result.differs.empty()));
        if (!result.differs.empty()) {
            one.set("expected", result.differs);
        }
        one.set("got", result.got);
        cases.append(std::move(one));
    }
    Json root = Json::object();
    root.set("as_expected", Json::boolean(all_as_expected(results)));
    root.set("cases", std::move(cases));
    return root.dump();
}

}  // namespace gatehouse::waf::tool
