#pragma once

#include <string_view>

#include "waf/core/seclang.hpp"

namespace gatehouse::waf::tool {

// What an exclusion names, and whether it takes anything off a rule.

struct NamedTarget {
    std::string_view collection;
    std::string_view selector;  // behind the colon
    bool selects = false;       // there is a colon
};

NamedTarget target_of(std::string_view text) noexcept;

// /.../ or '/.../'
bool is_expression(std::string_view selector) noexcept;

bool is_collection(std::string_view name) noexcept;

// Whether the target takes values off the variable; the collection is to be the same.
bool takes_off(const NamedTarget& target, const seclang::Variable& variable) noexcept;

// Whether the first rule of a chain, which exclusions are for, looks at what the target names. True
// where only a request can tell.
bool looks_at(const seclang::Directive& rule, const NamedTarget& target) noexcept;

}  // namespace gatehouse::waf::tool
