#define PCRE2_CODE_UNIT_WIDTH 8

#include "waf/core/fatal_mistake.hpp"

#include <pcre2.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <string_view>

#include "waf/core/address_list.hpp"
#include "waf/core/rule_text.hpp"
#include "waf/core/seclang_cursor.hpp"
#include "waf/core/seclang_words.hpp"

namespace gatehouse::waf {
namespace {

using Mistake = std::optional<std::string>;

// As the library compiles it; nothing if that succeeds.
Mistake expression_mistake(std::string_view pattern) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    const std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code(
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                      PCRE2_DOTALL | PCRE2_MULTILINE | PCRE2_CASELESS, &error, &offset, nullptr),
        pcre2_code_free);
    if (code) {
        return std::nullopt;
    }
    if (error == PCRE2_ERROR_HEAP_FAILED) {
        throw std::bad_alloc();
    }
    std::array<PCRE2_UCHAR, 256> message{};
    pcre2_get_error_message(error, message.data(), message.size());
    return "invalid regular expression \"" + std::string(pattern) +
           "\": " + reinterpret_cast<const char*>(message.data());
}

// Directives whose argument the library looks for behind the first space.
bool needs_space(std::string_view name) noexcept {
    switch (seclang::directive_form(name).value_or(seclang::Form::word)) {
    case seclang::Form::argument:
    case seclang::Form::script:
    case seclang::Form::update_targets:
    case seclang::Form::update_actions:
    case seclang::Form::unsupported:
        return true;
    default:
        return false;
    }
}

// Looks at the whole text: behind a word or a number the library takes the next directive in the
// same line.
Mistake tab_mistake(std::string_view text) {
    for (std::size_t at = 0; (at = text.find('\t', at)) != text.npos;) {
        const std::string_view before = text.substr(0, at);
        const auto begin =
            std::find_if_not(before.rbegin(), before.rend(), seclang::is_name).base();
        const std::string_view name =
            before.substr(static_cast<std::size_t>(begin - before.begin()));
        const std::size_t end = std::min(text.find_first_not_of('\t', at), text.size());
        if (text.substr(end, 1) != " " && needs_space(name)) {
            return "a space is needed behind " + std::string(name) +
                   ": libmodsecurity is not safe with a tab there";
        }
        at = end;
    }
    return std::nullopt;
}

struct Selector {
    std::string_view expression;  // empty: a plain name, or none
    std::size_t size = 0;         // of the text that it takes
};

// /EXPRESSION/ or '/EXPRESSION/' at the front of a text, up to the last slash that it may have; it
// is a plain name instead if that is longer.
Selector take_selector(std::string_view text) noexcept {
    const bool quoted = text.starts_with("'/");
    if (!quoted && !text.starts_with('/')) {
        return {};
    }
    const std::string_view closing = quoted ? "/'" : "/";
    const std::size_t begin = closing.size();
    const std::string_view all = text.substr(0, text.find_first_of(quoted ? " =\t\"" : " =|\t\""));
    const std::size_t end = all.rfind(closing);
    if (end == all.npos || end <= begin) {
        return {};
    }
    const std::size_t size = end + closing.size();
    const bool separated = text.find_first_of(" |,", size) == size;
    const std::size_t plain = std::min(text.find_first_of("\"|,\n \t}"), text.size());
    return plain > size + (separated ? 1 : 0) ? Selector{}
                                              : Selector{text.substr(begin, end - begin), size};
}

// Variables stand in lists of targets, and anywhere as %{NAME:/EXPRESSION/}.
Mistake selector_mistake(std::string_view text) {
    for (std::size_t at; (at = text.find_first_of(":.")) != text.npos;) {
        const bool is_variable = at > 0 && seclang::is_name(text[at - 1]);
        text.remove_prefix(at + 1);
        const Selector selector = is_variable ? take_selector(text) : Selector{};
        if (!selector.expression.empty()) {
            if (auto mistake = expression_mistake(selector.expression)) {
                return mistake;
            }
            text.remove_prefix(selector.size);
        }
    }
    return std::nullopt;
}

// The targets, without which nothing but macros may hold variables.
std::string_view targets_of(std::string_view text, bool of_update) noexcept {
    take_word(text);
    if (of_update) {
        return text;
    }
    text = trim(text);
    return text.starts_with('"') ? text.substr(0, text.find('"', 1)) : take_word(text);
}

Mistake macro_mistake(std::string_view text) {
    for (std::size_t at; (at = text.find("%{")) != text.npos;) {
        text.remove_prefix(at + 2);
        const std::size_t name = std::min(text.find_first_of(":.}"), text.size());
        const Selector selector = take_selector(text.substr(std::min(name + 1, text.size())));
        if (!selector.expression.empty()) {
            if (auto mistake = expression_mistake(selector.expression)) {
                return mistake;
            }
        }
    }
    return std::nullopt;
}

Mistake phrase_mistake(std::string_view phrases) {
    while (!phrases.empty()) {
        if (take_word(phrases).size() > kMaxPhrase) {
            return "a phrase has more than " + std::to_string(kMaxPhrase) + " octets";
        }
    }
    return std::nullopt;
}

Mistake operator_mistake(const seclang::Operator& op) {
    const auto is = [&](std::string_view name) { return same_word(op.name, name); };
    if (is("rxGlobal") && op.argument.find("%{") != op.argument.npos) {
        return "@rxGlobal cannot have variables: libmodsecurity does not survive a request that "
               "makes it an invalid regular expression";
    }
    if (is("rxGlobal") || is("verifySSN") || is("verifyCPF") || is("verifySVNR")) {
        return expression_mistake(op.argument);
    }
    // The library does not crash of this one: the rule would never match, and nobody would know.
    if ((op.name.empty() || is("rx")) && op.argument.find("%{") == op.argument.npos) {
        return expression_mistake(op.argument);
    }
    if (is("ipMatch")) {
        return address_mistake(op.argument);
    }
    return is("pm") ? phrase_mistake(op.argument) : std::nullopt;
}

// The library's complaint is about what follows the rule.
Mistake argument_mistake(const seclang::Operator& op) {
    const auto is = [&](std::string_view name) { return same_word(op.name, name); };
    if (!trim(op.argument).empty() || !seclang::known(seclang::Kind::operator_name, op.name) ||
        is("unconditionalMatch") || is("detectSQLi") || is("detectXSS") || is("geoLookup") ||
        is("validateUrlEncoding") || is("validateUtf8Encoding")) {
        return std::nullopt;
    }
    return "\"@" + op.name + "\" needs an argument";
}

// The last one of several holds.
Mistake phase_mistake(const std::vector<seclang::Action>& actions) {
    constexpr std::size_t kDigits = 9;  // of any int
    for (const seclang::Action& action : actions) {
        const std::string& phase = action.argument;
        if (same_word(action.name, "phase") && phase.size() > kDigits &&
            phase.find_first_not_of("0123456789") == phase.npos) {
            return "Unknown phase: " + phase;
        }
    }
    return std::nullopt;
}

}  // namespace

Mistake fatal_mistake(const seclang::Directive& directive) {
    const auto form = seclang::directive_form(directive.name);
    const bool is_rule = form == seclang::Form::rule;
    const bool is_update = form == seclang::Form::update_targets;
    Mistake mistake;
    if (!is_rule && form != seclang::Form::actions) {
        mistake = tab_mistake(directive.text);
    }
    if (!mistake && (is_rule || is_update)) {
        mistake = selector_mistake(targets_of(directive.text, is_update));
    }
    if (!mistake && directive.condition) {
        mistake = operator_mistake(*directive.condition);
        mistake = mistake ? mistake : argument_mistake(*directive.condition);
    }
    if (!mistake) {
        mistake = phase_mistake(directive.actions);
    }
    if (!mistake && same_word(directive.name, "SecAuditLogRelevantStatus")) {
        mistake = expression_mistake(directive.argument);
    }
    return mistake ? mistake : macro_mistake(directive.text);
}

Mistake script_mistake(const seclang::Directive& directive) {
    if (seclang::directive_form(directive.name) != seclang::Form::script) {
        return std::nullopt;
    }
    if (!directive.argument.starts_with('/')) {
        return "the path of the script \"" + directive.argument + "\" must be absolute";
    }
    if (seclang::find_action(directive, "id") == nullptr) {
        return "rules must have an id";
    }
    if (seclang::find_action(directive, "chain") != nullptr) {
        return "a script cannot be a link of a chain";
    }
    return std::nullopt;
}

}  // namespace gatehouse::waf
