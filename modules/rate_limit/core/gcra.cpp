#include "rate_limit/core/gcra.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "rate_limit/core/reading.hpp"
#include "rate_limit/core/wide.hpp"

// Times within a window are counted in ticks of 1/per microseconds. burst * cost, a burst in ticks,
// stays below 2^52 (policy.cpp): sums of a few of them cannot overflow.

namespace gatehouse::rate_limit::gcra {
namespace {

constexpr std::int64_t kFarAhead = std::int64_t{1} << 52;  // later than any policy's TAT

struct Tat {
    std::int64_t whole = 0;
    std::int64_t fraction = 0;
};
static_assert(sizeof(Tat) == 16);

std::size_t room(std::span<const std::byte> state, const Policy& policy) noexcept {
    return std::min(state.size() / sizeof(Tat), policy.windows().size());
}

// Never before `now`: what has passed makes no difference.
Tat load(std::span<const std::byte> state, const Policy& policy, std::size_t window,
         std::int64_t now) noexcept {
    Tat tat;
    if (window < room(state, policy)) {
        std::memcpy(&tat, state.data() + window * sizeof tat, sizeof tat);
    }
    if (tat.whole < now || tat.whole - now > kFarAhead) {
        return {now, 0};
    }
    tat.fraction = std::clamp<std::int64_t>(tat.fraction, 0, policy.windows()[window].per - 1);
    return tat;
}

void store(std::span<std::byte> state, std::size_t window, const Tat& tat) noexcept {
    std::memcpy(state.data() + window * sizeof tat, &tat, sizeof tat);
}

// Moves a TAT by ticks, forwards or backwards.
Tat moved(const Tat& tat, std::int64_t ticks, std::int64_t per) noexcept {
    const std::int64_t fraction = tat.fraction + ticks;
    const std::int64_t whole =
        fraction >= 0 ? fraction / per : -divide_up(-fraction, per);  // rounded down
    return {tat.whole + whole, fraction - whole * per};
}

// Ticks from now to the TAT; what is beyond all bursts is not told apart.
std::int64_t ticks_ahead(const Tat& tat, std::int64_t now, std::int64_t per) noexcept {
    constexpr std::int64_t kBeyond = std::numeric_limits<std::int64_t>::max() / 4;
    std::int64_t ticks = 0;
    const bool overflow = __builtin_mul_overflow(tat.whole - now, per, &ticks);
    return overflow || ticks > kBeyond ? kBeyond : ticks + tat.fraction;
}

Reading read(const Policy& policy, const Window& window, const Tat& tat, std::uint32_t cost,
             std::int64_t now) noexcept {
    const std::int64_t full = window.burst * window.cost;
    const std::int64_t ahead = ticks_ahead(tat, now, window.per);
    Reading reading;
    reading.before = ahead >= full ? 0 : static_cast<std::uint32_t>((full - ahead) / window.cost);
    if (cost > window.burst) {
        reading.reset = policy.memory();  // never
        return reading;
    }
    const std::int64_t charge = cost * window.cost;
    reading.passes = ahead <= full - charge;
    if (!reading.passes) {
        reading.reset = tat.whole - now + divide_up(tat.fraction + charge - full, window.per);
        return reading;
    }
    const std::int64_t after = ahead + charge;
    const std::int64_t left = (full - after) / window.cost;
    const std::int64_t next = (window.burst - left - 1) * window.cost;
    reading.after = static_cast<std::uint32_t>(left);
    reading.reset = divide_up(after - next, window.per);
    reading.excess = divide_up(after - window.cost, window.per);
    return reading;
}

}  // namespace

std::size_t state_size(const Policy& policy) noexcept {
    return policy.windows().size() * sizeof(Tat);
}

Verdict peek(std::span<const std::byte> state, const Policy& policy, std::uint32_t cost,
             std::int64_t now) noexcept {
    std::array<Reading, kMaxWindows> readings;
    const auto windows = policy.windows();
    for (std::size_t i = 0; i < windows.size(); ++i) {
        readings[i] = read(policy, windows[i], load(state, policy, i, now), cost, now);
    }
    return combine(std::span(readings).first(windows.size()));
}

void add(std::span<std::byte> state, const Policy& policy, std::uint32_t cost,
         std::int64_t now) noexcept {
    for (std::size_t i = 0; i < room(state, policy); ++i) {
        const Window& window = policy.windows()[i];
        store(state, i, moved(load(state, policy, i, now), cost * window.cost, window.per));
    }
}

// Had there been no charge, the TAT would be earlier by the charge, less the time that it would
// have fallen behind the clock since: at most all of it. So this gives back no more than was taken.
void refund(std::span<std::byte> state, const Policy& policy, std::uint32_t cost,
            std::int64_t charged_at, std::int64_t now) noexcept {
    for (std::size_t i = 0; i < room(state, policy); ++i) {
        const Window& window = policy.windows()[i];
        const Wide passed = Wide{std::max<std::int64_t>(now - charged_at, 0)} * window.per;
        const Wide rest = Wide{std::min(cost, window.burst)} * window.cost - passed;
        if (rest > 0) {
            const Tat tat = load(state, policy, i, now);
            store(state, i, moved(tat, -static_cast<std::int64_t>(rest), window.per));
        }
    }
}

void seed(std::span<std::byte> state, const Policy& policy, std::uint8_t window,
          std::uint32_t remaining, std::int64_t now) noexcept {
    if (window >= room(state, policy) || remaining >= policy.windows()[window].burst) {
        return;
    }
    const Window& seeded = policy.windows()[window];
    const Tat held = load(state, policy, window, now);
    const Tat wanted = moved({now, 0}, (seeded.burst - remaining) * seeded.cost, seeded.per);
    const bool later = wanted.whole > held.whole ||
                       (wanted.whole == held.whole && wanted.fraction > held.fraction);
    if (later) {
        store(state, window, wanted);
    }
}

// A TAT means the same to any policy.
void carry_over(std::span<std::byte> state, std::span<const std::byte> old) noexcept {
    const std::size_t size = std::min(state.size(), old.size()) / sizeof(Tat) * sizeof(Tat);
    if (size > 0) {
        std::memcpy(state.data(), old.data(), size);
    }
}

std::int64_t expiry(std::span<const std::byte> state, const Policy& policy,
                    std::int64_t now) noexcept {
    std::int64_t latest = now;
    for (std::size_t i = 0; i < room(state, policy); ++i) {
        const Tat tat = load(state, policy, i, now);
        latest = std::max(latest, tat.whole + (tat.fraction > 0 ? 1 : 0));
    }
    return latest;
}

}  // namespace gatehouse::rate_limit::gcra
