#include "waf/core/libmodsecurity_actions.hpp"

#include <modsecurity/actions/action.h>

#include <algorithm>

#include "waf/core/libmodsecurity_versions.hpp"
#include "waf/core/rule_text.hpp"

namespace gatehouse::waf {
namespace {

using modsecurity::RuleWithActions;
using modsecurity::actions::Action;

// The library has no other way to the disruptive action of a rule. The rules of access do not hold
// for the arguments of an explicit instantiation ([temp.spec.general]).
Action* RuleWithActions::*disruptive_member();

template <Action* RuleWithActions::*Member>
struct Access {
    friend Action* RuleWithActions::*disruptive_member() { return Member; }
};
template struct Access<&RuleWithActions::m_disruptiveAction>;

// The library's name for redirect is misspelled.
Disruption disruption_of(const Action& action) noexcept {
    const auto is = [&](std::string_view name) { return same_word(*action.m_name, name); };
    const bool refuses = is("deny") || is("redirect") || is("redirert");
    return is("drop") ? Disruption::close : refuses ? Disruption::refuse : Disruption::none;
}

Disruption default_of(const modsecurity::RulesSet& rules, int phase) {
    Disruption strongest = Disruption::none;
    for (const auto& action : rules.m_defaultActions[phase]) {
        strongest = std::max(strongest, disruption_of(*action));
    }
    return strongest;
}

}  // namespace

Disruption disruption_of(const modsecurity::RulesSet& rules, const RuleWithActions& rule) {
    const Disruption by_default = default_of(rules, rule.getPhase());
    Disruption updated = Disruption::none;
    bool is_updated = false;
    for (const auto& [id, action] : rules.m_exceptions.m_action_pos_update_target_by_id) {
        if (static_cast<std::int64_t>(id) == rule.m_ruleId) {
            is_updated = true;
            updated = std::max(
                updated, same_word(*action->m_name, "block") ? by_default : disruption_of(*action));
        }
    }
    if (is_updated) {
        return updated;
    }
    const Action* const own = rule.*disruptive_member();
    return std::max(rule.hasBlockAction() ? by_default : Disruption::none,
                    own != nullptr ? disruption_of(*own) : Disruption::none);
}

std::string mark_of(const RuleWithActions& rule) {
    return " [file \"" + std::string(file_of(rule)) + "\"] [line \"" +
           std::to_string(rule.getLineNumber()) + "\"] [id \"" + std::to_string(rule.m_ruleId) +
           "\"]";
}

}  // namespace gatehouse::waf
