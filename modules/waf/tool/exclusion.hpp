#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "waf/tool/audit.hpp"

namespace gatehouse::waf::tool {

struct Wanted {
    std::int64_t rule = 0;
    std::string transaction;  // empty: whichever has the rule, if they say the same
    std::int64_t own_id = 0;  // of the exclusion; 0: derived from what it excludes
    bool any_id = false;      // numbers, UUIDs and the like in the path stand for all such
    // Indices of arrays in names stand for all indices, and names that ctl cannot express are
    // written as regular expressions: for every host and path, as there is no other way.
    bool everywhere = false;
};

inline constexpr std::int64_t kFirstOwnId = 1'000'000;
inline constexpr std::int64_t kLastOwnId = 2'147'483'647;  // libmodsecurity removes ints

struct Exclusion {
    std::string rules;    // SecLang, to be read before the rules
    std::string behind;   // and behind them
    std::string problem;  // both are empty: why it is refused
};

// The narrowest exclusion for what a rule matched in a request: of these variables, from that rule,
// for that host and path.
Exclusion make_exclusion(std::span<const AuditEntry> entries, const Wanted& wanted);

}  // namespace gatehouse::waf::tool
