#pragma once

#include <optional>
#include <span>
#include <string>

#include "waf/core/engine.hpp"
#include "waf/core/seclang_tree.hpp"
#include "waf/tool/lint.hpp"

namespace gatehouse::waf::tool {

struct Report {
    seclang::Tree tree;
    std::vector<Finding> findings;

    // Neither errors nor warnings.
    bool clean() const noexcept;
};

// What lint() finds, and what the engine refuses, if it may be asked: rules that would be
// downloaded are not, and files that would break the library are kept from it.
Report check(std::span<const std::string> files, Engine& engine);

// What in the rules would end the process that gives them to libmodsecurity; nothing: they are
// safe.
std::optional<Finding> find_hazard(const seclang::Tree& tree);

// FILE:LINE: error: text, with lines of who includes the file behind it.
std::string to_text(const Report& report);
std::string to_json(const Report& report);

}  // namespace gatehouse::waf::tool
