#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "waf/tool/lint.hpp"
#include "waf/tool/removals.hpp"
#include "waf/tool/rules.hpp"

namespace gatehouse::waf::tool {

namespace {

using seclang::Action;
using seclang::Directive;
using seclang::find_action;
using seclang::Place;
using seclang::same_name;

class RuleLinter {
  public:
    RuleLinter(const seclang::Tree& tree, std::vector<Finding>& findings)
        : tree_(tree), findings_(findings), rules_(collect_rules(tree)) {
        for (const seclang::Statement& statement : tree.statements) {
            if (seclang::same_name(statement.directive.name.substr(0, 15), "SecRuleRemoveBy")) {
                removals_.push_back(&statement);
            }
        }
    }

    void run() {
        check_ids();
        check_chains();
        check_markers();
        check_removals();
        for (int phase = 1; phase <= kPhases; ++phase) {
            check_reach(phase);
        }
    }

  private:
    static constexpr int kPhases = 5;

    void report(Severity severity, Place place, std::string text) {
        findings_.push_back({severity, place, std::move(text)});
    }

    std::string title(const Rule& rule) const {
        return rule.id != 0 ? "rule " + std::to_string(rule.id) : "the rule";
    }

    void check_ids() {
        std::map<std::int64_t, Place> seen;
        for (const Rule& rule : rules_) {
            if (rule.marker) {
                continue;
            }
            if (rule.id == 0) {
                if (!rule.links.front()->broken) {
                    report(Severity::error, rule.place, "the rule has no id");
                }
                continue;
            }
            if (rule.phase < 1 || rule.phase > kPhases) {
                report(Severity::error, rule.place, "there is no such phase");
            }
            const auto [first, fresh] = seen.try_emplace(rule.id, rule.place);
            if (!fresh) {
                report(Severity::error, rule.place,
                       "id " + std::to_string(rule.id) + " is duplicate, it is used in " +
                           describe(tree_, first->second));
            }
        }
    }

    void check_chains() {
        for (const Rule& rule : rules_) {
            if (rule.chain_open) {
                report(Severity::error, rule.place,
                       title(rule) + " can never match: its chain ends without a rule");
            }
            if (rule.within) {
                report(Severity::warning, rule.place,
                       (rule.marker ? "the marker" : title(rule)) +
                           " stands amid the chain that begins in " +
                           describe(tree_, *rule.within));
            }
        }
    }

    void check_markers() {
        std::map<std::string, std::size_t> last;
        for (std::size_t i = 0; i < rules_.size(); ++i) {
            if (rules_[i].marker) {
                last[rules_[i].name] = i;
            }
        }
        for (std::size_t i = 0; i < rules_.size(); ++i) {
            for_each_skip(rules_[i], [&](const std::string& name, int line) {
                const auto marker = last.find(name);
                if (marker != last.end() && marker->second > i) {
                    return;
                }
                report(
                    Severity::error, {rules_[i].place.file, line},
                    (marker == last.end() ? "no SecMarker \"" + name + "\" exists"
                                          : "SecMarker \"" + name + "\" stands before the rule") +
                        ": when " + title(rules_[i]) + " matches, no later rule of its phase runs");
            });
        }
    }

    template <class F>
    static void for_each_skip(const Rule& rule, F&& visit) {
        for (const Directive* link : rule.links) {
            for (const Action& action : link->actions) {
                if (same_name(action.name, "skipAfter")) {
                    visit(action.argument, action.line);
                }
            }
        }
    }

    // What removes the rule; in libmodsecurity the order of the directives does not matter.
    std::optional<Place> remover(const Rule& rule) const {
        for (const seclang::Statement* statement : removals_) {
            if (removes(statement->directive, rule)) {
                return Place{statement->file, statement->directive.line};
            }
        }
        return std::nullopt;
    }

    static bool removes(const Directive& directive, const Rule& rule) {
        if (same_name(directive.name, "SecRuleRemoveById")) {
            return names_id(directive.argument, rule.id);
        }
        const bool by_tag = same_name(directive.name, "SecRuleRemoveByTag");
        if (!by_tag && !same_name(directive.name, "SecRuleRemoveByMsg")) {
            return false;
        }
        const std::vector<Action>& actions = rule.links.front()->actions;
        return std::any_of(actions.begin(), actions.end(), [&](const Action& action) {
            return same_name(action.name, by_tag ? "tag" : "msg") &&
                   action.argument == unquoted(directive.argument);
        });
    }

    // "5 10-20 "30""
    static bool names_id(std::string_view list, std::int64_t id) {
        while (!list.empty()) {
            std::string_view item = list.substr(0, list.find(' '));
            list.remove_prefix(std::min(item.size() + 1, list.size()));
            while (item.starts_with('"')) {
                item.remove_prefix(1);
            }
            while (item.ends_with('"')) {
                item.remove_suffix(1);
            }
            const std::size_t dash = std::min(item.find('-'), item.size());
            const std::int64_t first = number_of(item.substr(0, dash));
            const std::int64_t last = dash < item.size() ? number_of(item.substr(dash + 1)) : first;
            if (id != 0 && first <= id && id <= last) {
                return true;
            }
        }
        return false;
    }

    void check_removals() {
        for (std::size_t i = 0; i < rules_.size(); ++i) {
            if (rules_[i].marker) {
                continue;
            }
            if (const auto place = remover(rules_[i])) {
                removed_.insert(i);
                report(Severity::notice, rules_[i].place,
                       title(rules_[i]) + " is removed by " + describe(tree_, *place));
            }
        }
    }

    // Until which phase an unconditional allow is in effect; 0: there is none.
    static int allowed_until(const Rule& rule) {
        const Action* allow = find_action(*rule.links.front(), "allow");
        if (allow == nullptr) {
            return 0;
        }
        if (same_name(allow->argument, "phase")) {
            return rule.phase;
        }
        return same_name(allow->argument, "request") ? std::max(rule.phase, 2) : kPhases - 1;
    }

    void check_reach(int phase) {
        const Rule* skips = nullptr;  // who jumps, and to where
        std::string marker;
        for (std::size_t i = 0; i < rules_.size(); ++i) {
            const Rule& rule = rules_[i];
            if (rule.marker) {
                skips = skips != nullptr && rule.name == marker ? nullptr : skips;
                continue;
            }
            if (rule.phase != phase || removed_.contains(i)) {
                continue;
            }
            const Rule* allows = allowed_until_ >= phase ? allows_ : nullptr;
            if (skips != nullptr || allows != nullptr) {
                report(Severity::warning, rule.place,
                       title(rule) + " can never run: " +
                           (skips != nullptr ? describe(tree_, skips->place) +
                                                   " always skips to \"" + marker + '"'
                                             : describe(tree_, allows->place) + " always allows"));
                continue;
            }
            if (!rule.unconditional) {
                continue;
            }
            for_each_skip(rule, [&](const std::string& name, int) {
                skips = &rule;
                marker = name;
            });
            if (const int until = allowed_until(rule); until > 0) {
                allows_ = &rule;
                allowed_until_ = until;
            }
        }
    }

    const seclang::Tree& tree_;
    std::vector<Finding>& findings_;
    const std::vector<Rule> rules_;
    std::vector<const seclang::Statement*> removals_;
    std::set<std::size_t> removed_;
    const Rule* allows_ = nullptr;
    int allowed_until_ = 0;
};

}  // namespace

void lint_rules(const seclang::Tree& tree, std::vector<Finding>& findings) {
    RuleLinter(tree, findings).run();
}

}  // namespace gatehouse::waf::tool
