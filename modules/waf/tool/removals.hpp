#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waf/core/seclang_tree.hpp"
#include "waf/tool/rules.hpp"

namespace gatehouse::waf::tool {

// What takes rules, or targets of rules, away: SecRuleRemoveBy..., SecRuleUpdateTargetBy... and
// ctl:ruleRemove...; SecRuleUpdateActionById chooses rules in the same way.
struct Removal {
    enum class By : std::uint8_t { id, tag, message };
    enum class Ids : std::uint8_t { one, range, list };  // what the library takes for ids

    seclang::Place place;
    std::string name;  // as libmodsecurity's documentation writes it
    By by = By::id;
    Ids ids = Ids::one;
    std::string key;                                // which rules
    std::optional<std::string> target;              // of a ctl
    const seclang::Directive* directive = nullptr;  // whose variables are the targets; null: a ctl
    std::size_t carrier = 0;                        // the rule whose ctl it is
    bool last_link = false;                         // the ctl stands in the last rule of a chain
};

std::vector<Removal> collect_removals(const seclang::Tree& tree, const std::vector<Rule>& rules);

struct IdRange {
    std::int64_t first = 0;
    std::int64_t last = 0;
};

// The ids that libmodsecurity reads of a key. `left_over`: it reads less than is written.
std::vector<IdRange> ids_of(std::string_view key, Removal::Ids ids, bool& left_over);

// Without one pair of quotes of either kind.
std::string_view unquoted(std::string_view text) noexcept;

}  // namespace gatehouse::waf::tool
