#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "waf/core/libmodsecurity_api.hpp"

// What differs between the releases of the library, 3.0.9 to 3.0.16. Nothing else knows of it.

namespace gatehouse::waf {

// The rule that a message is of: a pointer in 3.0.9, a reference in later releases.
inline const modsecurity::RuleWithActions& rule_of(
    const modsecurity::RuleWithActions* rule) noexcept {
    return *rule;
}
inline const modsecurity::RuleWithActions& rule_of(
    const modsecurity::RuleWithActions& rule) noexcept {
    return rule;
}

// The name of a file: shared by the rules of the file in 3.0.9, each rule's own in later releases.
inline std::string_view name_of(const std::shared_ptr<std::string>& name) noexcept { return *name; }
inline std::string_view name_of(const std::string& name) noexcept { return name; }

// The file that a rule is in, as long as the rule is there.
inline std::string_view file_of(const modsecurity::Rule& rule) noexcept {
    return name_of(rule.getFileName());
}

// A message's line of the error log. 3.0.9 takes a pointer, later releases take a reference.
template <class M>
std::string text_of(const M& message, int properties, int status) {
    if constexpr (requires { M::log(message, properties, status); }) {
        return M::log(message, properties, status);
    } else {
        return M::log(&message, properties, status);
    }
}

// The path that messages name: shared in 3.0.9, the transaction's own in later releases.
inline std::string& text_in(const std::shared_ptr<std::string>& text) noexcept { return *text; }
inline std::string& text_in(std::string& text) noexcept { return text; }
inline std::string& path_of_messages(modsecurity::Transaction& transaction) noexcept {
    return text_in(transaction.m_uri_no_query_string_decoded);
}

// The variable that a message is about, as the text says: "... against variable `ARGS:q' (Value:
// `". A name may hold the second mark itself, and is short then. Empty where the operator has a
// text of its own (@detectSQLi, @detectXSS): 3.0.9 still knows the variable then, later releases
// may not.
inline std::string_view variable_of(std::string_view match) noexcept {
    constexpr std::string_view kFront = "' against variable `";
    constexpr std::string_view kBehind = "' (Value: `";
    const std::size_t front = match.find(kFront);
    if (front == std::string_view::npos) {
        return {};
    }
    const std::string_view name = match.substr(front + kFront.size());
    return name.substr(0, name.find(kBehind));
}

// The place of a value in the request: a pointer in 3.0.9, later a part of the value.
inline auto place_of(const std::unique_ptr<modsecurity::VariableOrigin>& place) {
    return std::make_unique<modsecurity::VariableOrigin>(*place);
}
inline modsecurity::VariableOrigin place_of(const modsecurity::VariableOrigin& place) {
    return place;
}

// A number of octets: floating point up to 3.0.14, 64 bits without a sign in later releases. None
// is 0.
template <class Config>
std::uint64_t limit_of(const Config& config) noexcept {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    if (!(config.m_value > 0)) {
        return 0;
    }
    return config.m_value < static_cast<decltype(config.m_value)>(kMost)
               ? static_cast<std::uint64_t>(config.m_value)
               : kMost;
}

// What `allow` has said: the headers declare the type only.
inline constexpr auto kNotAllowed = static_cast<modsecurity::actions::disruptive::AllowType>(0);
inline constexpr auto kAllowedFromNowOn =
    static_cast<modsecurity::actions::disruptive::AllowType>(3);

// Keeps the files of an audit log open. Later releases than 3.0.9 count who has a file open, and an
// audit log that is given another path gives back the new one in place of the old: nobody would
// have it open, and nothing would be written. What is taken here is never given back.
inline void keep_open(modsecurity::audit_log::AuditLog* log) {
    modsecurity::audit_log::AuditLog keeper;
    std::string told_before;
    keeper.merge(log, &told_before);
    keeper.m_path1.clear();
    keeper.m_path2.clear();
}

}  // namespace gatehouse::waf
