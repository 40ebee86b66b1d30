#include "waf/tool/removals.hpp"

#include <algorithm>
#include <charconv>

#include "waf/core/exclusion_mistake.hpp"
#include "waf/core/seclang_words.hpp"

namespace gatehouse::waf::tool {

namespace {

using seclang::Action;
using seclang::Directive;
using seclang::same_name;

struct Chooser {
    std::string_view name;
    Removal::By by;
    Removal::Ids ids = Removal::Ids::one;
};

constexpr Chooser kDirectiveChoosers[] = {
    {"SecRuleRemoveById", Removal::By::id, Removal::Ids::list},
    {"SecRuleRemoveByTag", Removal::By::tag},
    {"SecRuleRemoveByMsg", Removal::By::message},
    {"SecRuleUpdateTargetById", Removal::By::id},
    {"SecRuleUpdateTargetByTag", Removal::By::tag},
    {"SecRuleUpdateTargetByMsg", Removal::By::message},
    {"SecRuleUpdateActionById", Removal::By::id},
};

constexpr Chooser kControlChoosers[] = {
    {"ctl:ruleRemoveById", Removal::By::id, Removal::Ids::range},
    {"ctl:ruleRemoveByTag", Removal::By::tag},
    {"ctl:ruleRemoveTargetById", Removal::By::id},
    {"ctl:ruleRemoveTargetByTag", Removal::By::tag},
};

template <std::size_t N>
const Chooser* find_chooser(const Chooser (&choosers)[N], std::string_view name) noexcept {
    const auto* found = std::find_if(std::begin(choosers), std::end(choosers),
                                     [&](const Chooser& c) { return same_name(c.name, name); });
    return found == std::end(choosers) ? nullptr : found;
}

Removal make_removal(const Chooser& chooser, seclang::Place place) {
    Removal exclusion;
    exclusion.place = place;
    exclusion.name = chooser.name;
    exclusion.by = chooser.by;
    exclusion.ids = chooser.ids;
    return exclusion;
}

std::optional<Removal> of_control(const Action& action, std::size_t file) {
    if (!same_name(action.name, "ctl")) {
        return std::nullopt;
    }
    const std::string_view text = action.argument;
    const std::size_t equals = std::min(text.find('='), text.size());
    const Chooser* chooser =
        find_chooser(kControlChoosers, "ctl:" + std::string(text.substr(0, equals)));
    if (chooser == nullptr || equals == text.size()) {
        return std::nullopt;
    }
    Removal exclusion = make_removal(*chooser, {file, action.line});
    exclusion.key = text.substr(equals + 1);
    const std::size_t semicolon = exclusion.key.find(';');
    if (chooser->name.find("Target") != std::string_view::npos) {
        if (semicolon == std::string::npos) {
            return std::nullopt;  // the library refuses it
        }
        exclusion.target = exclusion.key.substr(semicolon + 1);
        exclusion.key.resize(semicolon);
    }
    return exclusion;
}

// What the library reads at the front of an item: a number, or two with a dash between them.
bool take_range(std::string_view item, bool ranges, IdRange& range) noexcept {
    const char* const end = item.data() + item.size();
    auto read = std::from_chars(item.data(), end, range.first);
    range.last = range.first;
    if (read.ec == std::errc() && ranges && read.ptr != end && *read.ptr == '-') {
        read = std::from_chars(read.ptr + 1, end, range.last);
    }
    return read.ec == std::errc() && read.ptr == end;
}

}  // namespace

std::string_view unquoted(std::string_view text) noexcept {
    if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
        text.back() == text.front()) {
        text = text.substr(1, text.size() - 2);
    }
    return text;
}

std::vector<IdRange> ids_of(std::string_view key, Removal::Ids ids, bool& left_over) {
    std::vector<IdRange> found;
    left_over = false;
    while (!key.empty()) {
        const std::size_t blank =
            ids == Removal::Ids::list ? std::min(key.find_first_of(" \t"), key.size()) : key.size();
        std::string_view item = key.substr(0, blank);
        key.remove_prefix(std::min(blank + 1, key.size()));
        item = unquoted(item);
        // "5, 7" is read as it is meant.
        if (ids == Removal::Ids::list && !key.empty() && item.ends_with(',')) {
            item.remove_suffix(1);
        }
        if (item.empty()) {
            continue;
        }
        IdRange range;
        if (!take_range(item, ids != Removal::Ids::one, range)) {
            left_over = true;
        }
        found.push_back(range);
    }
    return found;
}

std::vector<Removal> collect_removals(const seclang::Tree& tree, const std::vector<Rule>& rules) {
    std::vector<Removal> found;
    for (const seclang::Statement& statement : tree.statements) {
        const Directive& directive = statement.directive;
        const Chooser* chooser = find_chooser(kDirectiveChoosers, directive.name);
        if (chooser == nullptr || directive.broken || exclusion_mistake(directive)) {
            continue;
        }
        Removal exclusion = make_removal(*chooser, {statement.file, directive.line});
        exclusion.directive = &directive;
        exclusion.key = unquoted(directive.argument);
        found.push_back(std::move(exclusion));
    }
    for (std::size_t i = 0; i < rules.size(); ++i) {
        for (const Directive* link : rules[i].links) {
            if (exclusion_mistake(*link)) {
                continue;  // the library refuses it
            }
            for (const Action& action : link->actions) {
                if (auto exclusion = of_control(action, rules[i].place.file)) {
                    exclusion->carrier = i;
                    exclusion->last_link = link == rules[i].links.back();
                    found.push_back(std::move(*exclusion));
                }
            }
        }
    }
    return found;
}

}  // namespace gatehouse::waf::tool
