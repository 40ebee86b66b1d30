#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rate_limit/core/policy.hpp"

namespace gatehouse::rate_limit {

// The two algorithms on bytes in memory: zones without Redis, and the share of a node while Redis
// is away. `state` is zeroed for a new key; `now` is microseconds of a clock that never goes back
// and is never 0.
//
// gcra admits at most burst + rate * W in any window W, sliding_window at most N in any window of
// its period, exactly (ITU-T I.371 and the log of timestamps).

// Bytes of a key's state. A multiple of 8.
std::size_t local_state_size(const Policy& policy) noexcept;

// Charges `cost` (at least 1) to all windows, or to none if one refuses. Bytes left by another
// policy of the same algorithm are carried over as far as they mean anything.
Verdict charge(std::span<std::byte> state, const Policy& policy, std::uint32_t cost,
               std::int64_t now) noexcept;

// What charge() would say, without charging.
Verdict peek(std::span<const std::byte> state, const Policy& policy, std::uint32_t cost,
             std::int64_t now) noexcept;

// Takes back a charge that was made at `charged_at`. Never gives back more than what the charge
// still holds at `now`: between the two, bounds stay what they are.
void refund(std::span<std::byte> state, const Policy& policy, std::uint32_t cost,
            std::int64_t charged_at, std::int64_t now) noexcept;

// Makes the state one in which no more than `remaining` requests would have passed at `now` in the
// given window.
void seed(std::span<std::byte> state, const Policy& policy, std::uint8_t window,
          std::uint32_t remaining, std::int64_t now) noexcept;

// Makes a new key's `state` what `old`, of a policy of the same algorithm, is: as much of it as
// there is room for, and as the policy needs.
void carry_over(std::span<std::byte> state, const Policy& policy, std::span<const std::byte> old,
                const Policy& of_old, std::int64_t now) noexcept;

// Until when the state is worth keeping.
std::int64_t expiry(std::span<const std::byte> state, const Policy& policy,
                    std::int64_t now) noexcept;

}  // namespace gatehouse::rate_limit
