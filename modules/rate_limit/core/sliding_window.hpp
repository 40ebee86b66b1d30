#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rate_limit/core/policy.hpp"

// A log of the times of requests, on bytes in memory: local.hpp for Algorithm::sliding_window,
// function by function. A window is half open: a request of one period ago no longer counts.
//
// State: a ring of as many entries as the bytes have room for, the N of the largest window.
//   0  u32  index of the oldest entry
//   4  u32  number of entries
//   8  i64  times, microseconds, each not before the one that was made earlier
// The newest N entries are all that a window of N requests needs. A policy that asks for more than
// there is room for has so many requests instead. Whatever the bytes are, only they are touched.
namespace gatehouse::rate_limit::sliding_window {

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

void carry_over(std::span<std::byte> state, const Policy& policy, std::span<const std::byte> old,
                const Policy& of_old, std::int64_t now) noexcept;

std::int64_t expiry(std::span<const std::byte> state, const Policy& policy,
                    std::int64_t now) noexcept;

}  // namespace gatehouse::rate_limit::sliding_window
