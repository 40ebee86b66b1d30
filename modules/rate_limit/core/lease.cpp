#include "rate_limit/core/lease.hpp"

#include <algorithm>
#include <limits>

#include "rate_limit/core/wide.hpp"

namespace gatehouse::rate_limit {
namespace {

// With fewer requests per lease, chance decides how many come, and too much would expire.
constexpr std::uint32_t kSteady = 8;

std::uint32_t sum(std::uint32_t a, std::uint32_t b) noexcept {
    return a + std::min(b, std::numeric_limits<std::uint32_t>::max() - a);
}

std::uint32_t smallest_burst(const Policy& policy) noexcept {
    std::uint32_t burst = std::numeric_limits<std::uint32_t>::max();
    for (const Window& window : policy.windows()) {
        burst = std::min(burst, window.burst);
    }
    return burst;
}

}  // namespace

void Lease::belong_to(const Policy& policy) noexcept {
    if (tag_ != policy.tag()) {
        *this = {};
        tag_ = policy.tag();
    }
}

// Of what `seen` counts. Clamped, because somebody else may have read the clock later.
std::int64_t Lease::age(std::int64_t now) const noexcept {
    return now - std::clamp<std::int64_t>(since_, 0, now);
}

void Lease::arrive(const Policy& policy, std::uint32_t cost, std::int64_t now,
                   std::int64_t duration) noexcept {
    belong_to(policy);
    const std::int64_t passed = age(now);
    if (passed >= duration) {
        const bool adjacent = passed < 2 * duration;
        seen_before_ = adjacent ? seen_ : 0;
        since_ = adjacent ? since_ + duration : now;
        seen_ = 0;
    }
    seen_ = sum(seen_, cost);
}

std::uint32_t Lease::left(std::int64_t time) const noexcept {
    return sum(old_.expires > time ? old_.count : 0, current_.expires > time ? current_.count : 0);
}

std::int64_t Lease::spend(std::uint32_t cost, std::int64_t now) noexcept {
    if (left(now) < cost) {
        return 0;
    }
    const std::uint32_t from_old = old_.expires > now ? std::min(old_.count, cost) : 0;
    old_.count -= from_old;
    current_.count -= cost - from_old;
    return from_old > 0 ? old_.expires : current_.expires;
}

void Lease::give_back(std::uint32_t cost, std::int64_t expires, std::int64_t now) noexcept {
    for (Tokens* tokens : {&old_, &current_}) {
        if (tokens->expires == expires && expires > now) {
            tokens->count = sum(tokens->count, cost);
            return;
        }
    }
}

std::uint32_t Lease::target(std::uint32_t cost, std::int64_t now,
                            std::int64_t duration) const noexcept {
    const std::int64_t rest = duration - std::min(age(now), duration);
    const auto before = static_cast<std::uint32_t>(Wide{seen_before_} * rest / duration);
    const std::uint32_t arrivals = sum(seen_, before);
    return arrivals / cost < kSteady ? cost : arrivals / 3;
}

std::uint32_t Lease::top_up(const Policy& policy, std::uint32_t cost, std::int64_t now,
                            std::int64_t duration) const noexcept {
    const std::uint32_t wanted = std::min(target(cost, now, duration), smallest_burst(policy));
    // What is about to expire is hardly going to be spent in time.
    const std::uint32_t usable = left(now + duration / 4);
    return wanted > cost && usable < wanted - wanted / 2 ? wanted - usable : 0;
}

std::uint32_t Lease::refill(const Policy& policy, std::uint32_t cost, std::int64_t now,
                            std::int64_t duration) const noexcept {
    const std::uint32_t burst = smallest_burst(policy);
    return cost > burst ? 0 : std::min(target(cost, now, duration), burst);
}

void Lease::credit(const Policy& policy, std::uint32_t granted, std::int64_t expires,
                   std::int64_t now, std::int64_t duration) noexcept {
    end_debit();
    belong_to(policy);
    if (granted == 0 || expires <= now) {
        return;
    }
    if (current_.expires > now && current_.count > 0) {
        const std::uint32_t kept = old_.expires > now ? old_.count : 0;
        // There are two places. What is left of three leases lasts as long as the oldest of them,
        // if that is long enough to be spent; otherwise the smaller part of it is lost.
        if (kept > 0 && old_.expires - now >= duration / 4) {
            old_.count = sum(kept, current_.count);
        } else if (kept <= current_.count) {
            old_ = current_;
        }
    }
    current_ = {expires, granted, 0};
}

std::int64_t Lease::expiry(std::int64_t now, std::int64_t duration) const noexcept {
    return std::max({current_.expires, old_.expires, debit_ends_, now + 2 * duration - age(now)});
}

}  // namespace gatehouse::rate_limit
