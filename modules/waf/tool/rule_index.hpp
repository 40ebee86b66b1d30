#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "waf/tool/removals.hpp"

namespace gatehouse::waf::tool {

// Rules by what exclusions know them by. A tag or message with a macro may be any.
class RuleIndex {
  public:
    RuleIndex(const seclang::Tree& tree, const std::vector<Rule>& rules) {
        for (std::size_t i = 0; i < rules.size(); ++i) {
            if (!rules[i].marker && !rules[i].links.empty()) {
                ids_.emplace(rules[i].id, i);
            }
        }
        for (const seclang::Statement& statement : tree.statements) {
            note(statement.directive);
        }
        for (std::size_t i = 0; i < rules.size(); ++i) {
            if (!rules[i].marker && !rules[i].links.empty()) {
                note_names(*rules[i].links.front(), i);
            }
        }
    }

    // Those of the recommended configuration are told of, too, in sets that do without it.
    bool has(IdRange range) const {
        constexpr IdRange kRecommended{200000, 200099};
        if (range.first >= kRecommended.first && range.last <= kRecommended.last) {
            return true;
        }
        const auto at = all_ids_.lower_bound(range.first);
        return at != all_ids_.end() && *at <= range.last;
    }

    // Whether anything has the name, rule or not: who else says a tag may mean it.
    bool has(Removal::By by, const std::string& name) const {
        return by == Removal::By::tag ? all_tags_.contains(name) || open_tags_
                                      : all_messages_.contains(name) || open_messages_;
    }

    std::string in_other_case(Removal::By by, std::string_view name) const {
        const std::set<std::string>& names = by == Removal::By::tag ? all_tags_ : all_messages_;
        const auto found = std::find_if(names.begin(), names.end(), [&](const std::string& n) {
            return seclang::same_name(n, name);
        });
        return found == names.end() ? std::string() : *found;
    }

    // Places in the vector of rules. None if they are more than any set of rules has: what is asked
    // of them takes as long as there are rules, for each exclusion.
    std::vector<std::size_t> chosen(const Removal& exclusion) const {
        constexpr std::size_t kMost = 2000;
        std::vector<std::size_t> found;
        if (exclusion.by != Removal::By::id) {
            const auto& names = exclusion.by == Removal::By::tag ? tags_ : messages_;
            const auto at = names.find(exclusion.key);
            return at == names.end() || at->second.size() > kMost ? found : at->second;
        }
        bool ignored = false;
        for (const IdRange range : ids_of(exclusion.key, exclusion.ids, ignored)) {
            const auto end = ids_.upper_bound(range.last);
            for (auto at = ids_.lower_bound(range.first); at != ids_.end() && at != end; ++at) {
                found.push_back(at->second);
                if (found.size() > kMost) {
                    return {};
                }
            }
        }
        return found;
    }

  private:
    // Also rules of scripts, defaults and updates.
    void note(const seclang::Directive& directive) {
        for (const seclang::Action& action : directive.actions) {
            const bool open = action.argument.find("%{") != std::string::npos;
            if (seclang::same_name(action.name, "id")) {
                all_ids_.insert(number_of(action.argument));
            } else if (seclang::same_name(action.name, "tag")) {
                all_tags_.insert(action.argument);
                open_tags_ |= open;
            } else if (seclang::same_name(action.name, "msg")) {
                all_messages_.insert(action.argument);
                open_messages_ |= open;
            }
        }
    }

    void note_names(const seclang::Directive& first, std::size_t rule) {
        for (const seclang::Action& action : first.actions) {
            if (seclang::same_name(action.name, "tag")) {
                tags_[action.argument].push_back(rule);
            } else if (seclang::same_name(action.name, "msg")) {
                messages_[action.argument].push_back(rule);
            }
        }
    }

    std::multimap<std::int64_t, std::size_t> ids_;
    std::map<std::string, std::vector<std::size_t>> tags_;
    std::map<std::string, std::vector<std::size_t>> messages_;
    std::set<std::int64_t> all_ids_;
    std::set<std::string> all_tags_;
    std::set<std::string> all_messages_;
    bool open_tags_ = false;
    bool open_messages_ = false;
};

}  // namespace gatehouse::waf::tool
