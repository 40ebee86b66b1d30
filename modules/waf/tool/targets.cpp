#include "waf/tool/targets.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::waf::tool {

namespace {

using seclang::same_name;
using seclang::Variable;

// What they name is another variable, or comes from one.
bool stands_for_others(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 4> kNames{"MATCHED_VAR", "MATCHED_VARS",
                                                     "MATCHED_VAR_NAME", "MATCHED_VARS_NAMES"};
    return std::any_of(kNames.begin(), kNames.end(),
                       [&](std::string_view each) { return same_name(each, name); });
}

// Values are known by the name that the client has sent, and HTTP/2 has small letters in headers.
bool is_of_headers(std::string_view name) noexcept {
    return same_name(name, "REQUEST_HEADERS") || same_name(name, "REQUEST_HEADERS_NAMES") ||
           same_name(name, "RESPONSE_HEADERS") || same_name(name, "RESPONSE_HEADERS_NAMES");
}

}  // namespace

NamedTarget target_of(std::string_view text) noexcept {
    const std::size_t colon = std::min(text.find_first_of(":."), text.size());
    return {text.substr(0, colon), text.substr(std::min(colon + 1, text.size())),
            colon < text.size()};
}

bool is_expression(std::string_view selector) noexcept {
    return (selector.size() >= 2 && selector.starts_with('/') && selector.ends_with('/')) ||
           (selector.starts_with("'/") && selector.ends_with("/'"));
}

bool is_collection(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 33> kNames{"ARGS",
                                                      "ARGS_NAMES",
                                                      "ARGS_GET",
                                                      "ARGS_GET_NAMES",
                                                      "ARGS_POST",
                                                      "ARGS_POST_NAMES",
                                                      "ENV",
                                                      "FILES",
                                                      "FILES_NAMES",
                                                      "FILES_SIZES",
                                                      "FILES_TMPNAMES",
                                                      "FILES_TMP_CONTENT",
                                                      "GEO",
                                                      "GLOBAL",
                                                      "IP",
                                                      "MATCHED_VARS",
                                                      "MATCHED_VAR_NAME",
                                                      "MATCHED_VARS_NAMES",
                                                      "MATCHED_VAR",
                                                      "MULTIPART_NAME",
                                                      "MULTIPART_FILENAME",
                                                      "REQUEST_COOKIES",
                                                      "REQUEST_COOKIES_NAMES",
                                                      "REQUEST_HEADERS",
                                                      "REQUEST_HEADERS_NAMES",
                                                      "RESOURCE",
                                                      "RESPONSE_HEADERS",
                                                      "RESPONSE_HEADERS_NAMES",
                                                      "RULE",
                                                      "SESSION",
                                                      "TX",
                                                      "USER",
                                                      "MULTIPART_PART_HEADERS"};
    return same_name(name, "XML") ||
           std::any_of(kNames.begin(), kNames.end(),
                       [&](std::string_view each) { return same_name(each, name); });
}

bool takes_off(const NamedTarget& target, const Variable& variable) noexcept {
    if (same_name(variable.name, "XML")) {
        return true;
    }
    if (variable.selector.empty()) {
        return !target.selects || (!variable.counted && is_collection(variable.name));
    }
    return target.selects &&
           (is_expression(variable.selector) || is_expression(target.selector) ||
            variable.selector == target.selector ||
            (is_of_headers(variable.name) && same_name(variable.selector, target.selector)));
}

bool looks_at(const seclang::Directive& rule, const NamedTarget& target) noexcept {
    return std::any_of(rule.variables.begin(), rule.variables.end(), [&](const Variable& variable) {
        return !variable.excluded &&
               (stands_for_others(variable.name) ||
                (same_name(variable.name, target.collection) && takes_off(target, variable)));
    });
}

}  // namespace gatehouse::waf::tool
