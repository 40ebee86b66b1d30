#pragma once

#include <cstdint>

#include "rate_limit/core/policy.hpp"

namespace gatehouse::rate_limit {

// What is known of a key that has used up its limit: the deny cache, and the probes that find out
// when it is over. Plain bytes in shared memory; all zero: not exhausted.
//
// Until `until`, requests of `cost` and above are refused. From then on the key may pass again, but
// others may have been faster: only a few requests at a time ask Redis, until one is answered.
struct Exhaustion {
    std::int64_t until;
    std::int64_t probes_end;  // probes that are in flight count no longer
    std::uint32_t tag;        // of the policy
    std::uint32_t cost;
    std::uint32_t remaining;  // requests that would have passed when `cost` did not
    std::uint16_t probes;
    std::uint8_t window;
    std::uint8_t unused;

    bool concerns(const Policy& policy, std::uint32_t charge) const noexcept {
        return tag == policy.tag() && charge >= cost;
    }

    bool denies(const Policy& policy, std::uint32_t charge, std::int64_t now) const noexcept {
        return concerns(policy, charge) && now < until;
    }

    // Requires concerns().
    Verdict refusal(std::int64_t now) const noexcept;

    // The answer to a charge: a refusal, or one that left nothing over, denies until the time
    // given. Of denials that stand, the one of the lowest cost and the latest end is kept. Any
    // other answer that was asked for after the end proves that the key is exhausted no longer.
    void learn(const Policy& policy, std::uint32_t charge, const Verdict& verdict,
               std::int64_t sent, std::int64_t end, std::int64_t now) noexcept;

    // Whether one more request may probe. As many as are due within kProbeTime, so that round trips
    // are not what limits a fast rate, and one at least.
    bool start_probe(const Policy& policy, std::int64_t now, std::int64_t patience) noexcept;
    void end_probe() noexcept;
};

inline constexpr std::int64_t kProbeTime = 5'000;  // microseconds

// Microseconds that `requests` take of the window that they take longest of.
std::int64_t longest_time_of(const Policy& policy, std::uint32_t requests) noexcept;

}  // namespace gatehouse::rate_limit
