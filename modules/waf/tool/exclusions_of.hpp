#pragma once

#include <string>
#include <vector>

#include "waf/core/engine.hpp"
#include "waf/tool/exclusion.hpp"
#include "waf/tool/message_file.hpp"

namespace gatehouse::waf::tool {

struct Exclusions {
    std::string rules, behind;          // SecLang, as of an Exclusion
    std::vector<std::string> problems;  // what was not excluded, and why
    bool blocked = false;               // the request still is
};

// Those for all rules that matched in one transaction; wanted.rule is not looked at. The entries
// have to be of one, or `wanted` to name it.
Exclusions exclude_all(std::span<const AuditEntry> entries, const Wanted& wanted);

// Runs the request, excludes from what matched, and runs it with the exclusions beside the
// rules, until it passes: the library tells one variable of a rule at a time, and stops at the rule
// that blocks. wanted.rule: the only one that is excluded from; 0: all. If it does not come to
// pass, the last problem says so.
Exclusions exclude_until_passed(Engine& engine, const std::vector<RuleSource>& rules,
                                const Exchange& exchange, const std::string& client,
                                const Wanted& wanted);

}  // namespace gatehouse::waf::tool
