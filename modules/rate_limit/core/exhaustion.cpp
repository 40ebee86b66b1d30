#include "rate_limit/core/exhaustion.hpp"

#include <algorithm>

namespace gatehouse::rate_limit {

std::int64_t longest_time_of(const Policy& policy, std::uint32_t requests) noexcept {
    std::int64_t longest = 1;
    for (const Window& window : policy.windows()) {
        longest = std::max(longest, window.time_of(requests));
    }
    return longest;
}

Verdict Exhaustion::refusal(std::int64_t now) const noexcept {
    const std::int64_t end = now < until ? until : probes_end;
    return {false, window, remaining, end > now ? end - now : 1};
}

void Exhaustion::learn(const Policy& policy, std::uint32_t charge, const Verdict& verdict,
                       std::int64_t sent, std::int64_t end, std::int64_t now) noexcept {
    const bool known = tag == policy.tag();
    if (verdict.allowed && verdict.remaining > 0) {
        // An answer to what was asked before the denial says nothing about the time after it.
        const bool proven = charge >= cost || verdict.remaining >= cost;
        if (known && sent >= until && proven) {
            *this = {};
        }
        return;
    }
    const std::uint32_t denied = verdict.allowed ? 1 : charge;
    if (known && now < until && denied >= cost) {
        until = denied == cost ? std::max(until, end) : until;
        return;
    }
    until = end;
    tag = policy.tag();
    cost = denied;
    remaining = std::min(verdict.remaining, denied - 1);
    window = verdict.window;
}

bool Exhaustion::start_probe(const Policy& policy, std::int64_t now,
                             std::int64_t patience) noexcept {
    // Those that a killed worker has left behind: nobody else would end them.
    if (now >= probes_end) {
        probes = 0;
    }
    if (probes > kProbeTime / longest_time_of(policy, 1)) {
        return false;
    }
    ++probes;
    probes_end = now + patience;
    return true;
}

void Exhaustion::end_probe() noexcept {
    if (probes > 0) {
        --probes;
    }
}

}  // namespace gatehouse::rate_limit
