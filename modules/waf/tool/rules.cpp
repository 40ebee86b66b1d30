#include "waf/tool/rules.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace gatehouse::waf::tool {

namespace {

using seclang::Directive;
using seclang::find_action;
using seclang::same_name;

// Operators are run for values that exist: these always do.
bool always_there(const seclang::Variable& variable) {
    constexpr std::array<std::string_view, 8> kNames{
        "REMOTE_ADDR",     "REQUEST_METHOD",   "REQUEST_URI",      "REQUEST_LINE",
        "REQUEST_URI_RAW", "REQUEST_PROTOCOL", "REQUEST_FILENAME", "UNIQUE_ID"};
    return !variable.excluded &&
           std::any_of(kNames.begin(), kNames.end(),
                       [&](std::string_view name) { return same_name(name, variable.name); });
}

bool matches_always(const Directive& directive) {
    if (!directive.condition) {
        return true;  // SecAction
    }
    return same_name(directive.condition->name, "unconditionalMatch") &&
           !directive.condition->negated &&
           std::any_of(directive.variables.begin(), directive.variables.end(), always_there);
}

void add_link(Rule& rule, const Directive& directive) {
    rule.links.push_back(&directive);
    rule.unconditional = rule.unconditional && matches_always(directive);
    rule.chain_open =
        same_name(directive.name, "SecRule") && find_action(directive, "chain") != nullptr;
}

std::size_t root_of(const seclang::Tree& tree, std::size_t file) noexcept {
    while (tree.files[file].included_from != seclang::kNoFile) {
        file = tree.files[file].included_from;
    }
    return file;
}

}  // namespace

// The last one of several holds.
int phase_of(const Directive& directive) {
    const seclang::Action* action = nullptr;
    for (const seclang::Action& each : directive.actions) {
        action = same_name(each.name, "phase") ? &each : action;
    }
    if (action == nullptr) {
        return 1;
    }
    if (same_name(action->argument, "request")) {
        return 2;
    }
    if (same_name(action->argument, "response")) {
        return 4;
    }
    if (same_name(action->argument, "logging")) {
        return 5;
    }
    return static_cast<int>(std::clamp<std::int64_t>(number_of(action->argument), 0, 6));
}

bool of_release(const Rule& rule) noexcept {
    const seclang::Action* version =
        rule.links.empty() ? nullptr : find_action(*rule.links.front(), "ver");
    return version != nullptr && (version->argument.starts_with("OWASP_CRS/") ||
                                  version->argument.find("-plugin/") != std::string::npos);
}

std::int64_t number_of(std::string_view text) noexcept {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

std::vector<Rule> collect_rules(const seclang::Tree& tree) {
    std::vector<Rule> rules;
    std::size_t open = 0;  // one more than the place of the rule whose chain goes on
    std::size_t root = 0;
    for (const seclang::Statement& statement : tree.statements) {
        const Directive& directive = statement.directive;
        // Each file that is not included is loaded by itself.
        const std::size_t from = root_of(tree, statement.file);
        open = from == root ? open : 0;
        root = from;
        const bool is_rule = same_name(directive.name, "SecRule");
        if (is_rule && open > 0) {
            add_link(rules[open - 1], directive);
            open = rules[open - 1].chain_open ? open : 0;
            continue;
        }
        Rule rule;
        rule.place = {statement.file, directive.line};
        if (open > 0) {
            rule.within = rules[open - 1].place;
        }
        if (same_name(directive.name, "SecMarker")) {
            rule.marker = true;
            rule.name = directive.argument;
        } else if (is_rule || same_name(directive.name, "SecAction")) {
            const seclang::Action* id = find_action(directive, "id");
            rule.id = id != nullptr ? number_of(id->argument) : 0;
            rule.phase = phase_of(directive);
            add_link(rule, directive);
        } else {
            continue;
        }
        rules.push_back(std::move(rule));
        open = rules.back().chain_open ? rules.size() : open;
    }
    return rules;
}

}  // namespace gatehouse::waf::tool
