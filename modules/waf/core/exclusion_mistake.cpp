#include "waf/core/exclusion_mistake.hpp"

#include <cctype>
#include <string_view>

#include "waf/core/rule_text.hpp"

namespace gatehouse::waf {
namespace {

using Exclusion = std::optional<std::string>;

// What the library's scanner does not take in the value of ctl:ruleRemove...
constexpr std::string_view kRefusedInControl = "^()+?\\|{}<>=!@#%&~`'\"";

bool begins(std::string_view text, std::string_view with) noexcept {
    return same_word(text.substr(0, with.size()), with);
}

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

Exclusion remove_by_id_mistake(const seclang::Directive& directive) {
    std::string_view ids = directive.text;
    take_word(ids);
    if (ids.find('"') == ids.npos) {
        return std::nullopt;
    }
    return directive.name + " takes ids and ranges without quotes, with blanks between them: \"" +
           directive.name + " 400-600 942100\" for instance";
}

// ctl:ruleRemoveTargetById=ID;VARIABLE and its like, without "ctl:"
Exclusion control_mistake(std::string_view control) {
    const std::size_t equals = control.find('=');
    const std::string option = "ctl:" + std::string(trim(control.substr(0, equals)));
    const std::string_view value = equals == control.npos ? "" : trim(control.substr(equals + 1));
    const bool has_target = begins(control, "ruleRemoveTargetBy");
    const std::size_t semicolon = value.find(';');
    if (has_target && semicolon == value.npos) {
        const std::string_view what = begins(control, "ruleRemoveTargetById") ? "ID" : "TAG";
        return option + " takes " + std::string(what) + ";VARIABLE, got " + quoted(value);
    }
    const std::size_t refused = value.find_first_of(kRefusedInControl);
    if (refused == value.npos) {
        return std::nullopt;
    }
    const std::string instead =
        has_target && refused > semicolon ? "; SecRuleUpdateTargetById takes them" : "";
    return option +
           " takes ids, tags and names as they are, without quotes or regular expressions, got " +
           quoted(value.substr(refused, 1)) + " in " + quoted(value) + instead;
}

// What the scanner takes for the next action, since a comma ends the value.
Exclusion list_mistake(std::string_view control, std::string_view next) {
    const std::string option = "ctl:" + std::string(control.substr(0, control.find('=')));
    if (!next.empty() && std::isdigit(static_cast<unsigned char>(next.front())) != 0) {
        return option + " takes no list: write another one for " + quoted(next);
    }
    if (begins(next, "ruleRemove")) {
        return "\"ctl:\" is missing in front of " + quoted(next);
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> exclusion_mistake(const seclang::Directive& directive) {
    if (same_word(directive.name, "SecRuleRemoveById")) {
        return remove_by_id_mistake(directive);
    }
    const std::vector<seclang::Action>& actions = directive.actions;
    for (std::size_t i = 0; i < actions.size(); ++i) {
        const std::string& control = actions[i].argument;
        if (!same_word(actions[i].name, "ctl") || !begins(control, "ruleRemove")) {
            continue;
        }
        Exclusion mistake;
        if (i + 1 < actions.size()) {
            mistake = list_mistake(control, actions[i + 1].name);
        }
        mistake = mistake ? mistake : control_mistake(control);
        if (mistake) {
            return mistake;
        }
    }
    return std::nullopt;
}

}  // namespace gatehouse::waf
