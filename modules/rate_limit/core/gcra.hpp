#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rate_limit/core/policy.hpp"

// The generic cell rate algorithm (ITU-T I.371, virtual scheduling) on bytes in memory: local.hpp
// for Algorithm::gcra, function by function.
//
// State: 16 bytes per window,
//   0  i64  theoretical arrival time (TAT): whole microseconds
//   8  i64  and a fraction, in units of 1/per microseconds: nothing is ever rounded
// Zero, or any time that has passed, is a new key. Another policy's TAT stays as it is; what no
// policy can have written reads as a new key. A window without room in the bytes always does.
namespace gatehouse::rate_limit::gcra {

std::size_t state_size(const Policy& policy) noexcept;

Verdict peek(std::span<const std::byte> state, const Policy& policy, std::uint32_t cost,
             std::int64_t now) noexcept;

// Adds a charge that peek() allows.
void add(std::span<std::byte> state, const Policy& policy, std::uint32_t cost,
         std::int64_t now) noexcept;

void refund(std::span<std::byte> state, const Policy& policy, std::uint32_t cost,
            std::int64_t charged_at, std::int64_t now) noexcept;

void seed(std::span<std::byte> state, const Policy& policy, std::uint8_t window,
          std::uint32_t remaining, std::int64_t now) noexcept;

void carry_over(std::span<std::byte> state, std::span<const std::byte> old) noexcept;

std::int64_t expiry(std::span<const std::byte> state, const Policy& policy,
                    std::int64_t now) noexcept;

}  // namespace gatehouse::rate_limit::gcra
