#define PCRE2_CODE_UNIT_WIDTH 8

#include "waf/core/fatal_mistake.hpp"

#include <pcre2.h>

#include <array>
#include <memory>
#include <new>

#include "waf/core/rule_text.hpp"

namespace gatehouse::waf {
namespace {

// As the library compiles it; nothing if that succeeds.
std::optional<std::string> expression_mistake(std::string_view pattern) {
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

// Variables are selected by NAME:/EXPRESSION/ or NAME:'/EXPRESSION/'.
std::optional<std::string> selector_mistake(std::string_view targets) {
    for (std::size_t at; (at = targets.find(':')) != std::string_view::npos;) {
        targets.remove_prefix(at + 1);
        const bool quoted = targets.starts_with("'/");
        if (!quoted && !targets.starts_with('/')) {
            continue;
        }
        std::string_view selector = targets.substr(quoted ? 1 : 0);
        selector = selector.substr(
            0, quoted ? selector.find('\'', 1) : selector.find_first_of("|\" \t\r\n"));
        if (selector.size() < 2 || !selector.ends_with('/')) {
            continue;
        }
        if (auto mistake = expression_mistake(selector.substr(1, selector.size() - 2))) {
            return mistake;
        }
        targets.remove_prefix(selector.size());
    }
    return std::nullopt;
}

std::optional<std::string> phase_mistake(std::string_view statement) {
    const auto phase = find_action(statement, "phase");
    constexpr std::size_t kDigits = 9;  // of any int
    if (!phase || phase->size() <= kDigits ||
        phase->find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    return "Unknown phase: " + std::string(*phase);
}

}  // namespace

std::optional<std::string> fatal_mistake(std::string_view statement) {
    std::string_view arguments = statement;
    const std::string_view directive = take_word(arguments);
    if (same_word(directive, "SecRule")) {
        auto mistake = selector_mistake(take_word(arguments));
        return mistake ? mistake : phase_mistake(statement);
    }
    if (same_word(directive, "SecAction") || same_word(directive, "SecDefaultAction")) {
        return phase_mistake(statement);
    }
    if (same_word(directive.substr(0, 19), "SecRuleUpdateTarget")) {
        return selector_mistake(arguments);
    }
    if (same_word(directive, "SecAuditLogRelevantStatus")) {
        std::string_view pattern = trim(arguments);
        if (pattern.size() >= 2 && pattern.starts_with('"') && pattern.ends_with('"')) {
            pattern = pattern.substr(1, pattern.size() - 2);
        }
        return expression_mistake(pattern);
    }
    return std::nullopt;
}

}  // namespace gatehouse::waf
