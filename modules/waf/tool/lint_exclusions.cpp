#include <algorithm>
#include <set>

#include "waf/core/seclang_words.hpp"
#include "waf/tool/lint.hpp"
#include "waf/tool/names_read.hpp"
#include "waf/tool/removals.hpp"
#include "waf/tool/rule_index.hpp"
#include "waf/tool/targets.hpp"

namespace gatehouse::waf::tool {

namespace {

using seclang::Directive;
using seclang::same_name;
using By = Removal::By;

std::string quote(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string upper(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return out;
}

class ExclusionLinter {
  public:
    ExclusionLinter(const seclang::Tree& tree, std::vector<Finding>& findings)
        : findings_(findings),
          rules_(collect_rules(tree)),
          exclusions_(collect_removals(tree, rules_)),
          index_(tree, rules_) {
        std::set<std::size_t> carriers;
        for (const Removal& exclusion : exclusions_) {
            if (exclusion.directive == nullptr) {
                carriers.insert(exclusion.carrier);
            } else {
                note_additions(*exclusion.directive);
            }
        }
        for (std::size_t i = 0; i < rules_.size(); ++i) {
            others_ |= !rules_[i].marker && !carriers.contains(i);
        }
    }

    void run() {
        for (const Removal& exclusion : exclusions_) {
            if (exclusion.directive == nullptr && of_release(rules_[exclusion.carrier])) {
                continue;
            }
            check_key(exclusion);
            const std::vector<std::size_t> chosen = index_.chosen(exclusion);
            if (exclusion.directive == nullptr && !chosen.empty()) {
                check_order(exclusion, chosen);
            }
            if (exclusion.target) {
                check_target(exclusion, chosen);
            } else if (exclusion.directive != nullptr) {
                check_variables(exclusion, chosen);
            }
        }
    }

  private:
    void warn(const Removal& exclusion, std::string text) {
        findings_.push_back({Severity::warning, exclusion.place, std::move(text)});
    }

    void note_additions(const Directive& directive) {
        for (const seclang::Variable& variable : directive.variables) {
            if (!variable.excluded) {
                added_.insert(upper(variable.name));
            }
        }
    }

    void check_key(const Removal& exclusion) {
        if (exclusion.by == By::id) {
            check_ids(exclusion);
        } else {
            check_name(exclusion);
        }
    }

    static std::string written(IdRange range) {
        const std::string first = std::to_string(range.first);
        return range.first == range.last ? "rule " + first
                                         : "rules " + first + '-' + std::to_string(range.last);
    }

    void check_ids(const Removal& exclusion) {
        bool left_over = false;
        const std::vector<IdRange> ranges = ids_of(exclusion.key, exclusion.ids, left_over);
        if (left_over) {
            std::string read;
            for (const IdRange range : ranges) {
                read += (read.empty() ? "" : ", ") + written(range);
            }
            const char* takes = exclusion.ids == Removal::Ids::list
                                    ? " takes ids and ranges with blanks between them: of "
                                : exclusion.ids == Removal::Ids::range
                                    ? " takes one id or range: of "
                                    : " takes one id: of ";
            warn(exclusion, exclusion.name + takes + quote(exclusion.key) +
                                " libmodsecurity reads " + read + " only");
        }
        for (const IdRange range : ranges) {
            if (others_ && range.first <= range.last && !index_.has(range)) {
                warn(exclusion, range.first == range.last
                                    ? exclusion.name + " changes nothing: no rule has the id " +
                                          std::to_string(range.first)
                                    : exclusion.name + " changes nothing: no rule has an id of " +
                                          written(range).substr(6));
            }
        }
    }

    void check_name(const Removal& exclusion) {
        if (!others_ || index_.has(exclusion.by, exclusion.key)) {
            return;
        }
        const std::string what = exclusion.by == By::tag ? "tag " : "message ";
        const std::string near = index_.in_other_case(exclusion.by, exclusion.key);
        std::string text =
            exclusion.name + " changes nothing: no rule has the " + what + quote(exclusion.key);
        if (!near.empty()) {
            text += "; did you mean " + quote(near) + "? Case matters here";
        } else if (exclusion.key.find_first_of("*^$[]()|\\?") != std::string::npos ||
                   (exclusion.by == By::tag && is_expression(exclusion.key))) {
            text += ", which libmodsecurity takes as it stands, not for a regular expression";
        }
        warn(exclusion, std::move(text));
    }

    // Whether the rule has run when the action of the carrier does.
    bool has_run(std::size_t rule, const Removal& exclusion) const {
        const Rule& carrier = rules_[exclusion.carrier];
        if (rule == exclusion.carrier) {
            return !exclusion.target || exclusion.last_link;
        }
        return rules_[rule].phase < carrier.phase ||
               (rules_[rule].phase == carrier.phase && rule < exclusion.carrier);
    }

    void check_order(const Removal& exclusion, const std::vector<std::size_t>& chosen) {
        if (!std::all_of(chosen.begin(), chosen.end(),
                         [&](std::size_t rule) { return has_run(rule, exclusion); })) {
            return;
        }
        const Rule& rule = rules_[chosen.back()];
        const Rule& carrier = rules_[exclusion.carrier];
        std::string text = exclusion.name + " comes too late: rule " + std::to_string(rule.id);
        if (chosen.back() == exclusion.carrier) {
            text += " is the one that it stands in";
        } else if (rule.phase < carrier.phase) {
            text += " runs in phase " + std::to_string(rule.phase) + ", this one in phase " +
                    std::to_string(carrier.phase);
        } else {
            text += " stands before it, and has run";
        }
        warn(exclusion, std::move(text));
    }

    void check_target(const Removal& exclusion, const std::vector<std::size_t>& chosen) {
        const std::size_t semicolon = exclusion.target->find(';');
        const std::string text = exclusion.target->substr(0, semicolon);
        if (semicolon != std::string::npos) {
            warn(exclusion, exclusion.name + " takes one target: of " + quote(*exclusion.target) +
                                " libmodsecurity reads " + quote(text) + " only");
        }
        const NamedTarget target = target_of(text);
        if (text.substr(target.collection.size()).starts_with('.')) {
            warn(exclusion, exclusion.name + " changes nothing: " + quote(text) +
                                " needs a colon behind " + quote(target.collection));
            return;
        }
        const std::string canonical = upper(target.collection);
        if (!same_name(canonical, "XML") && is_expression(target.selector)) {
            warn(exclusion, exclusion.name + " changes nothing: libmodsecurity takes " +
                                quote(text) +
                                " as it stands, not for a regular expression, which only "
                                "SecRuleUpdateTarget... takes");
        } else if (canonical != target.collection &&
                   seclang::known(seclang::Kind::variable, canonical)) {
            warn(exclusion, exclusion.name + " changes nothing: case matters here, and " +
                                quote(text) + " is not " +
                                quote(canonical + text.substr(canonical.size())));
        } else if (!check_wildcard(exclusion, text, target)) {
            check_presence(exclusion, chosen, text, target);
        }
    }

    bool check_wildcard(const Removal& exclusion, std::string_view text,
                        const NamedTarget& target) {
        if (target.selector.find('*') == std::string_view::npos ||
            same_name(target.collection, "XML") || is_expression(target.selector)) {
            return false;
        }
        warn(exclusion, exclusion.name + " changes nothing: libmodsecurity takes " + quote(text) +
                            " for the whole name, not for a pattern");
        return true;
    }

    void check_variables(const Removal& exclusion, const std::vector<std::size_t>& chosen) {
        for (const seclang::Variable& variable : exclusion.directive->variables) {
            if (!variable.excluded) {
                check_addition(exclusion, chosen, variable.name);
                continue;
            }
            const std::string text =
                variable.name + (variable.selector.empty() ? "" : ":" + variable.selector);
            const NamedTarget target{variable.name, variable.selector, !variable.selector.empty()};
            if (!check_wildcard(exclusion, text, target)) {
                check_presence(exclusion, chosen, text, target);
            }
        }
    }

    void check_addition(const Removal& exclusion, const std::vector<std::size_t>& chosen,
                        const std::string& name) {
        const int phase = first_phase(name);
        if (!chosen.empty() && std::all_of(chosen.begin(), chosen.end(), [&](std::size_t rule) {
                return rules_[rule].phase < phase;
            })) {
            warn(exclusion, name + " is read by rule " + std::to_string(rules_[chosen.front()].id) +
                                " in phase " + std::to_string(rules_[chosen.front()].phase) +
                                ", but is not known before phase " + std::to_string(phase));
        }
    }

    // Nothing to tell unless it is missing from all of the rules.
    void check_presence(const Removal& exclusion, const std::vector<std::size_t>& chosen,
                        std::string_view text, const NamedTarget& target) {
        const auto first_of = [&](std::size_t i) -> const Directive& {
            return *rules_[i].links.front();
        };
        if (chosen.empty() || added_.contains(upper(target.collection)) ||
            std::any_of(chosen.begin(), chosen.end(),
                        [&](std::size_t i) { return looks_at(first_of(i), target); })) {
            return;
        }
        const Rule& rule = rules_[chosen.front()];
        const bool later =
            std::any_of(rule.links.begin() + 1, rule.links.end(),
                        [&](const Directive* link) { return looks_at(*link, target); });
        std::string message = exclusion.name;
        if (exclusion.directive != nullptr && is_expression(target.selector)) {
            message += " takes the names off all targets of the rule";
        } else {
            message += " changes nothing";
        }
        message += exclusion.by == By::id
                       ? ": rule " + std::to_string(rule.id) + " does not look at "
                       : ": no rule that it is for looks at ";
        message += quote(text);
        if (later) {
            message += " but in its chain, and libmodsecurity excludes from the first rule only";
        } else if (chosen.size() == 1) {
            message += ", but at " + listed(first_of(chosen.front()));
        }
        warn(exclusion, std::move(message));
    }

    static std::string listed(const Directive& rule) {
        constexpr std::size_t kShown = 8;
        std::string text;
        for (std::size_t i = 0; i < rule.variables.size() && i < kShown; ++i) {
            const seclang::Variable& variable = rule.variables[i];
            text.append(text.empty() ? "" : "|")
                .append(variable.excluded ? "!" : "")
                .append(variable.counted ? "&" : "")
                .append(variable.name)
                .append(variable.selector.empty() ? "" : ":" + variable.selector);
        }
        return text.empty() ? "nothing" : text + (rule.variables.size() > kShown ? "|..." : "");
    }

    std::vector<Finding>& findings_;
    const std::vector<Rule> rules_;
    const std::vector<Removal> exclusions_;
    const RuleIndex index_;
    std::set<std::string> added_;  // by SecRuleUpdateTarget..., to whatever rule
    bool others_ = false;          // there are rules that exclude nothing
};

}  // namespace

void lint_exclusions(const seclang::Tree& tree, std::vector<Finding>& findings) {
    ExclusionLinter(tree, findings).run();
}

}  // namespace gatehouse::waf::tool
