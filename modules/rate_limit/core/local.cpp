#include "rate_limit/core/local.hpp"

#include <algorithm>
#include <limits>

#include "rate_limit/core/gcra.hpp"
#include "rate_limit/core/reading.hpp"
#include "rate_limit/core/sliding_window.hpp"

namespace gatehouse::rate_limit {

Verdict combine(std::span<const Reading> readings) noexcept {
    const bool allowed =
        std::all_of(readings.begin(), readings.end(), [](const Reading& r) { return r.passes; });
    Verdict verdict{allowed, 0, std::numeric_limits<std::uint32_t>::max()};
    for (std::size_t i = 0; i < readings.size(); ++i) {
        const Reading& reading = readings[i];
        const std::uint32_t left = allowed ? reading.after : reading.before;
        const bool later = reading.reset > verdict.reset;
        const bool nearest = allowed
                                 ? left < verdict.remaining || (left == verdict.remaining && later)
                                 : !reading.passes && later;
        if (nearest) {
            verdict.window = static_cast<std::uint8_t>(i);
            verdict.reset = reading.reset;
        }
        verdict.remaining = std::min(verdict.remaining, left);
        verdict.excess = allowed ? std::max(verdict.excess, reading.excess) : 0;
    }
    return verdict;
}

std::size_t local_state_size(const Policy& policy) noexcept {
    return policy.algorithm() == Algorithm::gcra ? gcra::state_size(policy)
                                                 : sliding_window::state_size(policy);
}

Verdict charge(std::span<std::byte> state, const Policy& policy, std::uint32_t cost,
               std::int64_t now) noexcept {
    const Verdict verdict = peek(state, policy, cost, now);
    if (verdict.allowed) {
        policy.algorithm() == Algorithm::gcra ? gcra::add(state, policy, cost, now)
                                              : sliding_window::add(state, policy, cost, now);
    }
    return verdict;
}

Verdict peek(std::span<const std::byte> state, const Policy& policy, std::uint32_t cost,
             std::int64_t now) noexcept {
    return policy.algorithm() == Algorithm::gcra ? gcra::peek(state, policy, cost, now)
                                                 : sliding_window::peek(state, policy, cost, now);
}

void refund(std::span<std::byte> state, const Policy& policy, std::uint32_t cost,
            std::int64_t charged_at, std::int64_t now) noexcept {
    policy.algorithm() == Algorithm::gcra
        ? gcra::refund(state, policy, cost, charged_at, now)
        : sliding_window::refund(state, policy, cost, charged_at, now);
}

void seed(std::span<std::byte> state, const Policy& policy, std::uint8_t window,
          std::uint32_t remaining, std::int64_t now) noexcept {
    policy.algorithm() == Algorithm::gcra
        ? gcra::seed(state, policy, window, remaining, now)
        : sliding_window::seed(state, policy, window, remaining, now);
}

void carry_over(std::span<std::byte> state, const Policy& policy, std::span<const std::byte> old,
                const Policy& of_old, std::int64_t now) noexcept {
    policy.algorithm() == Algorithm::gcra
        ? gcra::carry_over(state, old)
        : sliding_window::carry_over(state, policy, old, of_old, now);
}

std::int64_t expiry(std::span<const std::byte> state, const Policy& policy,
                    std::int64_t now) noexcept {
    return policy.algorithm() == Algorithm::gcra ? gcra::expiry(state, policy, now)
                                                 : sliding_window::expiry(state, policy, now);
}

}  // namespace gatehouse::rate_limit
