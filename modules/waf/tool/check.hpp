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

// What lint() finds, and what the engine refuses, if it may be asked: files that cannot be included
// are no rules.
Report check(std::span<const std::string> files, Engine& engine);

// FILE:LINE: error: text, with lines of who includes the file behind it.
std::string to_text(const Report& report);
std::string to_json(const Report& report);

}  // namespace gatehouse::waf::tool
