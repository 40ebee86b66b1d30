#pragma once

#include <string>
#include <string_view>

#include "waf/core/seclang.hpp"

namespace gatehouse::waf::tool {

// From which phase on a variable can have a value.
int first_phase(std::string_view name) noexcept;

// The name at the front of what a macro or a setvar says: ip of "ip.count", "ip:count" and
// "!ip.count=1".
inline std::string_view name_at_front(std::string_view text) noexcept {
    while (text.starts_with('!') || text.starts_with('&')) {
        text.remove_prefix(1);
    }
    return text.substr(0, text.find_first_of(".:=}"));
}

// visit(name, line) for each %{NAME.KEY} in the text.
template <class F>
void for_each_macro(std::string_view text, int line, F&& visit) {
    for (std::size_t at; (at = text.find("%{")) != text.npos;) {
        text.remove_prefix(at + 2);
        visit(name_at_front(text), line);
    }
}

// visit(name, line) for each variable that the rule reads, in macros and by actions, too: setvar
// changes what is there.
template <class F>
void for_each_name_read(const seclang::Directive& rule, F&& visit) {
    for (const seclang::Variable& variable : rule.variables) {
        if (!variable.excluded) {
            visit(std::string_view(variable.name), variable.line);
        }
    }
    if (rule.condition) {
        for_each_macro(rule.condition->argument, rule.condition->line, visit);
    }
    for (const seclang::Action& action : rule.actions) {
        for_each_macro(action.argument, action.line, visit);
        if (seclang::same_name(action.name, "setvar")) {
            visit(name_at_front(action.argument), action.line);
        }
    }
}

}  // namespace gatehouse::waf::tool
