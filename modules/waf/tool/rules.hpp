#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waf/core/seclang_tree.hpp"

namespace gatehouse::waf::tool {

// A rule with its chain, or a marker.
struct Rule {
    seclang::Place place;
    std::int64_t id = 0;  // 0: none is given
    int phase = 1;        // libmodsecurity's default
    bool marker = false;
    std::string name;                              // of the marker
    bool unconditional = true;                     // matches whatever the request is
    bool chain_open = false;                       // ends in a rule that wants another
    std::optional<seclang::Place> within;          // the chain that it stands amid
    std::vector<const seclang::Directive*> links;  // the first, then those chained to it
};

// In their order.
std::vector<Rule> collect_rules(const seclang::Tree& tree);

// Of a rule or of SecDefaultAction; 0 or 6: there is no such phase.
int phase_of(const seclang::Directive& directive);

// Whether the rule is one of a release of the Core Rule Set or of a plugin for it, as its ver says:
// what is odd there is not for its users to mend.
bool of_release(const Rule& rule) noexcept;

// The whole text as a number; 0: it is none.
std::int64_t number_of(std::string_view text) noexcept;

}  // namespace gatehouse::waf::tool
