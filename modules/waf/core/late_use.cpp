#include "waf/core/late_use.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "waf/core/rule_text.hpp"
#include "waf/core/seclang_cursor.hpp"
#include "waf/core/seclang_words.hpp"

namespace gatehouse::waf {
namespace {

std::string lowered(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), seclang::lower);
    return lower;
}

// As a target, or in a macro.
bool names_body(std::string_view text) {
    constexpr std::array<std::string_view, 3> kVariables{"response_body", "response_content_length",
                                                         "outbound_data_error"};
    const std::string lower = lowered(text);
    return std::any_of(kVariables.begin(), kVariables.end(), [&](std::string_view variable) {
        return lower.find(variable) != std::string::npos;
    });
}

// What is behind NAME= in a ctl.
std::string_view control(const seclang::Action& action, std::string_view name) noexcept {
    std::string_view text = action.argument;
    const std::size_t equals = text.find('=');
    return same_word(action.name, "ctl") && same_word(text.substr(0, equals), name) &&
                   equals != text.npos
               ? text.substr(equals + 1)
               : std::string_view();
}

}  // namespace

// The last one of several holds. Updates of actions are run with whatever rule they are for.
LateUse::Phase LateUse::phase_of(const seclang::Directive& directive) {
    if (seclang::directive_form(directive.name) == seclang::Form::update_actions) {
        return Phase::any;
    }
    Phase phase = Phase::early;
    for (const seclang::Action& action : directive.actions) {
        const std::string_view value = action.argument;
        if (!same_word(action.name, "phase")) {
            continue;
        }
        phase = value == "4" || same_word(value, "response")  ? Phase::body
                : value == "5" || same_word(value, "logging") ? Phase::logging
                                                              : Phase::early;
    }
    return phase;
}

void LateUse::note(const seclang::Directive& directive) {
    if (directive.actions.empty() && !directive.condition) {
        return;
    }
    if (!chained_) {
        phase_ = phase_of(directive);
    }
    const bool in_body = phase_ == Phase::body || phase_ == Phase::any;
    const bool in_logging = phase_ == Phase::logging || phase_ == Phase::any;
    for (const seclang::Action& action : directive.actions) {
        const std::string_view parts = control(action, "auditLogParts");
        enables_engine_ |= in_body && same_word(control(action, "ruleEngine"), "on");
        audits_body_ |= (in_body || in_logging) && !parts.starts_with('-') &&
                        parts.find_first_of("eE") != parts.npos;
    }
    reads_body_ |= in_logging && names_body(directive.text);
    chained_ = seclang::find_action(directive, "chain") != nullptr;
}

void LateUse::add(const LateUse& other) noexcept {
    enables_engine_ |= other.enables_engine_;
    audits_body_ |= other.audits_body_;
    reads_body_ |= other.reads_body_;
}

}  // namespace gatehouse::waf
