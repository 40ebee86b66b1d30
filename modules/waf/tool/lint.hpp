#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "waf/core/seclang_tree.hpp"

namespace gatehouse::waf::tool {

enum class Severity : std::uint8_t { error, warning, notice };

std::string_view name_of(Severity severity) noexcept;

struct Finding {
    Severity severity = Severity::error;
    seclang::Place place;
    std::string text;
};

// What is wrong with rules, as far as it can be said without libmodsecurity: what this refuses is
// the business of check(). In the order of the files. `version`: of libmodsecurity, as it tells it.
std::vector<Finding> lint(const seclang::Tree& tree, std::string_view version);

// One statement by itself: unknown names, missing files.
void lint_names(const seclang::Tree& tree, std::vector<Finding>& findings);

// The statements together: ids, chains, and rules that never run.
void lint_rules(const seclang::Tree& tree, std::vector<Finding>& findings);

// What takes rules or targets away, and does not do so.
void lint_exclusions(const seclang::Tree& tree, std::vector<Finding>& findings);

// Variables that are empty where they are read, or that are not what they seem. `version`: of
// libmodsecurity, as it tells it.
void lint_data(const seclang::Tree& tree, std::string_view version, std::vector<Finding>& findings);

// Rules against headers and cookies that let requests without them pass.
void lint_presence(const seclang::Tree& tree, std::vector<Finding>& findings);

// Letters that a transformation has taken away before the operator looks for them.
void lint_case(const seclang::Tree& tree, std::vector<Finding>& findings);

// FILE:LINE; FILE of the file as a whole
std::string describe(const seclang::Tree& tree, seclang::Place place);

}  // namespace gatehouse::waf::tool
