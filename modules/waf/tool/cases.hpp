#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waf/core/engine.hpp"

namespace gatehouse::waf::tool {

// Many requests with the verdicts that are expected of them, for pipelines. A list has a line for
// each, in words with blanks between them; empty lines and those that begin with # are left out:
//
//     REQUEST passed|blocked|redirected [status=CODE] [rule=ID]... [norule=ID]...
//             [response=FILE] [client=ADDRESS] [entry=NUMBER]
//
// Files are found beside the list.

struct Case {
    int line = 0;
    std::string request, response, client;
    std::string verdict;
    int status = 0;                           // 0: any
    std::size_t entry = 0;                    // of a HAR file; 0: the only one
    std::vector<std::int64_t> rules, others;  // those that must have matched, and must not
};

// Nothing with the line and the reason in `problem`.
std::optional<std::vector<Case>> parse_cases(std::string_view text, std::string& problem);

struct CaseResult {
    const Case* expected = nullptr;
    std::string got;      // the verdict, with status and rules
    std::string differs;  // empty: as expected
};

// Nothing with the reason in `problem` where a message cannot be read.
std::optional<std::vector<CaseResult>> run_cases(Engine& engine, const RuleSetPtr& rules,
                                                 const std::string& list,
                                                 const std::vector<Case>& cases,
                                                 std::string& problem);

bool all_as_expected(const std::vector<CaseResult>& results) noexcept;

std::string to_text(const std::vector<CaseResult>& results);
std::string to_json(const std::vector<CaseResult>& results);

}  // namespace gatehouse::waf::tool
