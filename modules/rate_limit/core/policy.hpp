#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.hpp"

namespace gatehouse::rate_limit {

enum class Algorithm : std::uint8_t { gcra, sliding_window };

// Why a rate or a policy is refused.
enum class PolicyError : std::uint8_t {
    none,
    malformed_rate,    // not Nr/[n]unit
    zero,              // no requests, or in no time
    too_large,         // beyond kMaxRequests or kMaxPeriod
    too_many_windows,  // more than kMaxWindows
    log_too_long,      // sliding_window of more than kMaxLog requests
};
std::string_view message(PolicyError error) noexcept;

inline constexpr std::uint32_t kMaxRequests = 1'000'000'000;
inline constexpr std::int64_t kMaxPeriod = 366LL * 86'400 * 1'000'000;  // microseconds
inline constexpr std::uint32_t kMaxLog = 10'000;
inline constexpr std::size_t kMaxWindows = 4;

// `requests` in `period` microseconds.
struct Rate {
    std::uint32_t requests = 0;
    std::int64_t period = 0;
    friend bool operator==(const Rate&, const Rate&) = default;
};

// `20r/10m`, `5r/s`, `1000r/1d`; units s, m, h, d, with an optional multiplier.
base::Result<Rate, PolicyError> parse_rate(std::string_view text) noexcept;

// One window of a policy. For gcra a request takes `cost / per` microseconds of the window, and
// the window holds `burst` requests: cost and per are the rate's period and requests, reduced so
// that burst * cost stays below 2^53 and Lua's numbers hold it exactly. Where that would take
// rounding, the rate becomes lower by less than one part in 100,000, never higher.
struct Window {
    Rate rate;                // as configured: for header fields and messages
    std::uint32_t burst = 0;  // requests; the rate's N for sliding_window
    std::int64_t cost = 0;    // gcra: microseconds per `per` requests
    std::int64_t per = 0;
    friend bool operator==(const Window&, const Window&) = default;

    // Microseconds that `requests` take, rounded up.
    std::int64_t time_of(std::int64_t requests) const noexcept;
};

// What a key is measured by: one to kMaxWindows windows, checked and charged as one.
class Policy {
  public:
    // `burst`: 0 for the rate's N, for each window.
    static base::Result<Policy, PolicyError> make(Algorithm algorithm, std::span<const Rate> rates,
                                                  std::uint32_t burst) noexcept;

    Algorithm algorithm() const noexcept { return algorithm_; }
    std::span<const Window> windows() const noexcept { return {windows_.data(), count_}; }

    // The part of one node of `hosts`: rates and bursts divided, at least one request each.
    Policy share(std::uint32_t hosts) const noexcept;

    // Tells policies apart: deny cache and leases of another policy do not count.
    std::uint32_t tag() const noexcept { return tag_; }

    // Microseconds after which an unused key is as good as new.
    std::int64_t memory() const noexcept;

    friend bool operator==(const Policy&, const Policy&) = default;

  private:
    Algorithm algorithm_ = Algorithm::gcra;
    std::uint8_t count_ = 0;
    std::uint32_t tag_ = 0;
    std::array<Window, kMaxWindows> windows_{};
};

// What a limit says about a request. Times in microseconds from now.
struct Verdict {
    bool allowed = false;
    std::uint8_t window = 0;      // the one nearest to exhaustion, or the one that refused
    std::uint32_t remaining = 0;  // requests that would pass now, after this one
    std::int64_t reset = 0;       // allowed: until `remaining` grows; refused: until this may pass
    std::int64_t excess = 0;      // gcra, allowed: how far this request is ahead of the bare rate
};

}  // namespace gatehouse::rate_limit
