#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "waf/tool/letter_case.hpp"
#include "waf/tool/lint.hpp"
#include "waf/tool/removals.hpp"
#include "waf/tool/rules.hpp"

namespace gatehouse::waf::tool {

namespace {

using seclang::Action;
using seclang::Directive;
using seclang::find_action;
using seclang::same_name;

template <std::size_t N>
bool is_among(std::string_view name, const std::array<std::string_view, N>& names) noexcept {
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view each) { return same_name(each, name); });
}

// Those that make no letter of something else.
bool keeps_case(std::string_view transformation) noexcept {
    constexpr std::array<std::string_view, 14> kNames{
        "compressWhitespace", "removeWhitespace", "removeNulls",        "replaceNulls",
        "removeComments",     "replaceComments",  "removeCommentsChar", "trim",
        "trimLeft",           "trimRight",        "normalisePath",      "normalizePath",
        "normalisePathWin",   "normalizePathWin"};
    return is_among(transformation, kNames);
}

// What a rule does to its values; the names point into the directives.
using Transformations = std::vector<std::string_view>;

Transformations transformations_of(const Directive& directive, bool& none) {
    Transformations found;
    none = false;
    for (const Action& action : directive.actions) {
        if (!same_name(action.name, "t")) {
            continue;
        }
        if (same_name(action.argument, "none")) {
            none = true;
            found.clear();
        } else {
            found.push_back(action.argument);
        }
    }
    return found;
}

// By which of them the letters of one case are gone in the end; empty: they are not.
std::string_view last_to_change_case(const Transformations& transformations, Gone& gone) {
    std::string_view by;
    for (const std::string_view name : transformations) {
        const bool to_small = same_name(name, "lowercase") || same_name(name, "cmdLine");
        if (to_small || same_name(name, "uppercase")) {
            gone = to_small ? Gone::capitals : Gone::small;
            by = name;
        } else if (!keeps_case(name)) {
            by = {};
        }
    }
    return by;
}

std::string dead_part(const seclang::Operator& condition, Gone gone) {
    constexpr std::array<std::string_view, 7> kOfPhrases{
        "streq", "contains", "containsWord", "beginsWith", "endsWith", "strmatch", "within"};
    if (condition.name.empty() || same_name(condition.name, "rx") ||
        same_name(condition.name, "rxGlobal")) {
        return dead_piece(condition.argument, gone);
    }
    return is_among(condition.name, kOfPhrases) ? dead_word(condition.argument, gone)
                                                : std::string();
}

class CaseLinter {
  public:
    CaseLinter(const seclang::Tree& tree, std::vector<Finding>& findings)
        : findings_(findings), rules_(collect_rules(tree)) {
        for (const seclang::Statement& statement : tree.statements) {
            const Directive& directive = statement.directive;
            bool ignored = false;
            if (same_name(directive.name, "SecDefaultAction")) {
                defaults_[phase_of(directive)] = transformations_of(directive, ignored);
            } else if (same_name(directive.name, "SecRuleUpdateActionById") &&
                       find_action(directive, "t") != nullptr) {
                for (const IdRange id :
                     ids_of(unquoted(directive.argument), Removal::Ids::one, ignored)) {
                    updated_.insert(id.first);
                }
            }
        }
    }

    void run() {
        for (const Rule& rule : rules_) {
            if (rule.marker || of_release(rule) || updated_.contains(rule.id)) {
                continue;
            }
            for (const Directive* link : rule.links) {
                // Of several looks one is at what is as it came.
                if (link->condition && find_action(*link, "multiMatch") == nullptr) {
                    check(rule, *link);
                }
            }
        }
    }

  private:
    void check(const Rule& rule, const Directive& link) {
        bool none = false;
        Transformations all = transformations_of(link, none);
        const auto defaults = defaults_.find(rule.phase);
        if (!none && defaults != defaults_.end()) {
            all.insert(all.begin(), defaults->second.begin(), defaults->second.end());
        }
        Gone gone = Gone::capitals;
        const std::string_view by = last_to_change_case(all, gone);
        const std::string dead = by.empty() ? std::string() : dead_part(*link.condition, gone);
        if (!dead.empty()) {
            findings_.push_back({Severity::warning,
                                 {rule.place.file, link.condition->line},
                                 '"' + dead + "\" never matches: t:" + std::string(by) +
                                     " leaves no " +
                                     (gone == Gone::capitals ? "capital" : "small") + " letters"});
        }
    }

    std::vector<Finding>& findings_;
    const std::vector<Rule> rules_;
    std::map<int, Transformations> defaults_;  // by phase
    std::set<std::int64_t> updated_;           // rules whose transformations are changed
};

}  // namespace

void lint_case(const seclang::Tree& tree, std::vector<Finding>& findings) {
    CaseLinter(tree, findings).run();
}

}  // namespace gatehouse::waf::tool
