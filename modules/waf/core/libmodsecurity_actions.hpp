#pragma once

#include <string>
#include <vector>

#include "waf/core/libmodsecurity_api.hpp"

namespace gatehouse::waf {

// What a rule does to a request that it matches when the engine is on; the stronger one is the
// greater. The library takes drop for deny.
enum class Disruption : char { none, refuse, close };

// By its own action, by the default one that `block` stands for, or by SecRuleUpdateActionById.
Disruption disruption_of(const modsecurity::RulesSet& rules,
                         const modsecurity::RuleWithActions& rule);

// How messages name a rule. Of a rule that is silent the library leaves nothing else.
std::string mark_of(const modsecurity::RuleWithActions& rule);

}  // namespace gatehouse::waf
