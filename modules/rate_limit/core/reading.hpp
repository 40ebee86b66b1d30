#pragma once

#include <cstdint>
#include <span>

#include "rate_limit/core/policy.hpp"

namespace gatehouse::rate_limit {

// What one window says about a charge.
struct Reading {
    bool passes = false;
    std::uint32_t before = 0;  // requests that would pass now without the charge
    std::uint32_t after = 0;   // with it; if it passes
    std::int64_t reset = 0;    // as in Verdict
    std::int64_t excess = 0;
};

// What all of them say. Nearest to exhaustion is the window with the fewest requests left; of equal
// ones, and of those that refuse, it is the one with the latest reset.
Verdict combine(std::span<const Reading> readings) noexcept;

}  // namespace gatehouse::rate_limit
