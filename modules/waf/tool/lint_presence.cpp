#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "waf/tool/lint.hpp"
#include "waf/tool/rules.hpp"
#include "waf/tool/targets.hpp"

namespace gatehouse::waf::tool {

namespace {

using seclang::Action;
using seclang::Directive;
using seclang::find_action;
using seclang::same_name;
using seclang::Variable;

std::string lowered(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

// A name, also as /^NAME$/: other expressions say what the form of those is that are there.
bool is_one_name(std::string_view selector) noexcept {
    if (!is_expression(selector)) {
        return !selector.empty();
    }
    const std::size_t quotes = selector.starts_with('\'') ? 2 : 1;
    selector = selector.substr(quotes, selector.size() - 2 * quotes);
    return selector.starts_with('^') && selector.ends_with('$') &&
           selector.find_first_of(".*+?()[]{}|\\") == std::string_view::npos;
}

// One header or cookie.
bool may_be_missing(const Variable& variable) noexcept {
    return !variable.excluded && !variable.counted && is_one_name(variable.selector) &&
           (same_name(variable.name, "REQUEST_HEADERS") ||
            same_name(variable.name, "REQUEST_COOKIES"));
}

// Headers that requests do well without, and whose form rules see to if they are there.
bool is_optional(const Variable& variable, const seclang::Operator& condition) noexcept {
    constexpr std::array<std::string_view, 13> kNames{"Cache-Control",
                                                      "Connection",
                                                      "Content-Encoding",
                                                      "Content-Length",
                                                      "Expect",
                                                      "Forwarded",
                                                      "Pragma",
                                                      "Range",
                                                      "Request-Range",
                                                      "TE",
                                                      "Transfer-Encoding",
                                                      "Upgrade",
                                                      "Via"};
    constexpr std::array<std::string_view, 3> kFamilies{"Accept", "If-", "Sec-"};
    if (!condition.name.empty() && !same_name(condition.name, "rx")) {
        return false;
    }
    return std::any_of(kNames.begin(), kNames.end(),
                       [&](std::string_view name) { return same_name(name, variable.selector); }) ||
           std::any_of(kFamilies.begin(), kFamilies.end(), [&](std::string_view family) {
               return same_name(family,
                                std::string_view(variable.selector).substr(0, family.size()));
           });
}

class PresenceLinter {
  public:
    PresenceLinter(const seclang::Tree& tree, std::vector<Finding>& findings)
        : tree_(tree), findings_(findings) {}

    void run() {
        note_counts();
        note_defaults();
        for (const Rule& rule : collect_rules(tree_)) {
            if (!rule.marker && !of_release(rule) && stops(rule)) {
                check(rule);
            }
        }
    }

  private:
    static std::string key_of(const Variable& variable) {
        return lowered(variable.name) + ':' + lowered(variable.selector);
    }

    // What some rule counts: whether it is there is seen to.
    void note_counts() {
        for (const seclang::Statement& statement : tree_.statements) {
            for (const Variable& variable : statement.directive.variables) {
                if (variable.counted) {
                    counted_.insert(key_of(variable));
                }
            }
        }
    }

    void note_defaults() {
        for (const seclang::Statement& statement : tree_.statements) {
            const Directive& directive = statement.directive;
            if (same_name(directive.name, "SecDefaultAction")) {
                if (const int phase = phase_of(directive);
                    is_stop(directive) || has_pass(directive)) {
                    default_stops_[phase] = is_stop(directive);
                }
            }
        }
    }

    static bool has_pass(const Directive& rule) { return find_action(rule, "pass") != nullptr; }

    static bool is_stop(const Directive& rule) {
        constexpr std::array<std::string_view, 4> kStops{"deny", "drop", "redirect", "proxy"};
        return std::any_of(kStops.begin(), kStops.end(), [&](std::string_view name) {
            return find_action(rule, name) != nullptr;
        });
    }

    // Whether a match ends the request. What block does, the default says; one that says nothing
    // may be elsewhere.
    bool stops(const Rule& rule) const {
        const Directive& first = *rule.links.front();
        if (find_action(first, "block") == nullptr) {
            return is_stop(first);
        }
        const auto known = default_stops_.find(rule.phase);
        return known == default_stops_.end() || known->second;
    }

    bool sees_to(const Variable& variable) const {
        return counted_.contains(key_of(variable)) ||
               counted_.contains(lowered(variable.name) + ':');
    }

    void check(const Rule& rule) {
        for (const Directive* link : rule.links) {
            if (!link->condition || !link->condition->negated ||
                !std::all_of(link->variables.begin(), link->variables.end(),
                             [](const Variable& v) { return v.excluded || may_be_missing(v); })) {
                continue;
            }
            for (const Variable& variable : link->variables) {
                if (may_be_missing(variable) && !is_optional(variable, *link->condition) &&
                    !sees_to(variable)) {
                    tell(rule, variable);
                    break;
                }
            }
        }
    }

    void tell(const Rule& rule, const Variable& variable) {
        const std::string name = variable.name + ':' + variable.selector;
        findings_.push_back(
            {Severity::warning,
             {rule.place.file, variable.line},
             "a request without " + name +
                 " passes: operators, negated ones too, are asked only for what is there; test &" +
                 name + ", too"});
    }

    const seclang::Tree& tree_;
    std::vector<Finding>& findings_;
    std::set<std::string> counted_;
    std::map<int, bool> default_stops_;  // by phase
};

}  // namespace

void lint_presence(const seclang::Tree& tree, std::vector<Finding>& findings) {
    PresenceLinter(tree, findings).run();
}

}  // namespace gatehouse::waf::tool
