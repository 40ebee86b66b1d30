#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::waf::seclang {

// What libmodsecurity 3.0.9 knows by name. Case does not matter.

enum class Form : std::uint8_t {
    rule,            // variables, operator, actions
    actions,         // SecAction, SecDefaultAction
    script,          // a path, then actions
    update_targets,  // which rules, then variables
    update_actions,  // which rules, then actions
    argument,        // text that the library finds behind the first space
    word,            // a token of its own: On, Off, JSON ...
    include,
    remote,       // rules from elsewhere
    unsupported,  // known, and refused
};

// Null: an unknown directive.
std::optional<Form> directive_form(std::string_view name) noexcept;

enum class Kind : std::uint8_t { operator_name, transformation, variable, action, control };

bool known(Kind kind, std::string_view name) noexcept;

// The known name that was meant, probably; empty if none is close.
std::string_view nearest(Kind kind, std::string_view name) noexcept;
std::string_view nearest_directive(std::string_view name) noexcept;

}  // namespace gatehouse::waf::seclang
