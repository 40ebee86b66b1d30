#include "rate_limit/core/policy.hpp"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <optional>

#include "rate_limit/core/wide.hpp"

namespace gatehouse::rate_limit {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

// What burst * cost stays below. Half of what Lua's numbers hold exactly, so that they also hold
// the sum of a burst and a time of the clock.
constexpr std::int64_t kMaxProduct = std::int64_t{1} << 52;

std::int64_t unit(char letter) noexcept {
    switch (letter) {
    case 's':
        return kSecond;
    case 'm':
        return 60 * kSecond;
    case 'h':
        return 3'600 * kSecond;
    case 'd':
        return 86'400 * kSecond;
    default:
        return 0;
    }
}

// Takes digits off the front. Nothing if there are none; what no integer holds becomes the largest.
std::optional<std::int64_t> take_number(std::string_view& text) noexcept {
    std::int64_t number = 0;
    if (text.empty() || text.front() == '-') {
        return std::nullopt;
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::invalid_argument) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc() ? number : std::numeric_limits<std::int64_t>::max();
}

PolicyError check(const Rate& rate) noexcept {
    if (rate.requests == 0 || rate.period <= 0) {
        return PolicyError::zero;
    }
    return rate.requests > kMaxRequests || rate.period > kMaxPeriod ? PolicyError::too_large
                                                                    : PolicyError::none;
}

// Sets cost and per: the rate itself if kMaxProduct permits, else the closest fraction with the
// largest cost that it permits, rounded up. As that cost is kMaxProduct / kMaxRequests / 2 at
// least, the rounding takes less than one part in two million. Fails if a burst takes more than 140
// years.
bool set_interval(Window& window) noexcept {
    const std::int64_t period = window.rate.period, requests = window.rate.requests;
    const std::int64_t divisor = std::gcd(period, requests);
    window.cost = period / divisor;
    window.per = requests / divisor;
    const std::int64_t largest = (kMaxProduct - 1) / window.burst;
    if (window.cost <= largest) {
        return true;
    }
    window.per = static_cast<std::int64_t>(Wide{largest} * requests / period);
    if (window.per == 0) {
        return false;
    }
    window.cost = static_cast<std::int64_t>(divide_up(Wide{window.per} * period, Wide{requests}));
    return true;
}

// FNV-1a.
std::uint32_t mix(std::uint32_t hash, std::uint64_t value) noexcept {
    for (int octet = 0; octet < 8; ++octet, value >>= 8) {
        hash = (hash ^ static_cast<std::uint32_t>(value & 0xff)) * 16'777'619U;
    }
    return hash;
}

// Never 0, which is what a key's state has where nothing is known.
std::uint32_t tag_of(Algorithm algorithm, std::span<const Window> windows) noexcept {
    std::uint32_t hash = mix(2'166'136'261U, static_cast<std::uint64_t>(algorithm));
    for (const Window& window : windows) {
        hash = mix(hash, window.rate.requests);
        hash = mix(hash, static_cast<std::uint64_t>(window.rate.period));
        hash = mix(hash, window.burst);
    }
    return hash == 0 ? 1 : hash;
}

}  // namespace

std::string_view message(PolicyError error) noexcept {
    switch (error) {
    case PolicyError::none:
        return "no error";
    case PolicyError::malformed_rate:
        return "not a rate such as \"20r/10m\"";
    case PolicyError::zero:
        return "a rate must not be zero";
    case PolicyError::too_large:
        return "more than 1000000000 requests, 366 days or 140 years of burst";
    case PolicyError::too_many_windows:
        return "more than 4 rates";
    case PolicyError::log_too_long:
        return "more than 10000 requests in a sliding window";
    }
    return "unknown error";
}

base::Result<Rate, PolicyError> parse_rate(std::string_view text) noexcept {
    const auto requests = take_number(text);
    if (!requests || !text.starts_with("r/")) {
        return PolicyError::malformed_rate;
    }
    text.remove_prefix(2);
    const bool multiplied = text.size() > 1;
    const auto multiplier = multiplied ? take_number(text) : 1;
    const std::int64_t period = text.size() == 1 ? unit(text.front()) : 0;
    if (!multiplier || period == 0) {
        return PolicyError::malformed_rate;
    }
    if (*requests > kMaxRequests || *multiplier > kMaxPeriod / period) {
        return PolicyError::too_large;
    }
    const Rate rate{static_cast<std::uint32_t>(*requests), *multiplier * period};
    if (const PolicyError error = check(rate); error != PolicyError::none) {
        return error;
    }
    return rate;
}

std::int64_t Window::time_of(std::int64_t requests) const noexcept {
    constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
    requests = std::max<std::int64_t>(requests, 0);
    if (std::int64_t product = 0; !__builtin_mul_overflow(requests, cost, &product)) {
        return divide_up(product, per);
    }
    const Wide time = divide_up(Wide{requests} * cost, Wide{per});
    return time > kMax ? kMax : static_cast<std::int64_t>(time);
}

base::Result<Policy, PolicyError> Policy::make(Algorithm algorithm, std::span<const Rate> rates,
                                               std::uint32_t burst) noexcept {
    if (rates.empty()) {
        return PolicyError::zero;
    }
    if (rates.size() > kMaxWindows) {
        return PolicyError::too_many_windows;
    }
    Policy policy;
    policy.algorithm_ = algorithm;
    for (const Rate& rate : rates) {
        if (const PolicyError error = check(rate); error != PolicyError::none) {
            return error;
        }
        const bool logged = algorithm == Algorithm::sliding_window;
        if (logged && rate.requests > kMaxLog) {
            return PolicyError::log_too_long;
        }
        Window window{rate, logged || burst == 0 ? rate.requests : burst};
        if (window.burst > kMaxRequests || !set_interval(window)) {
            return PolicyError::too_large;
        }
        policy.windows_[policy.count_++] = window;
    }
    policy.tag_ = tag_of(algorithm, policy.windows());
    return policy;
}

Policy Policy::share(std::uint32_t hosts) const noexcept {
    if (hosts <= 1) {
        return *this;
    }
    Policy part = *this;
    for (Window& window : std::span(part.windows_).first(count_)) {
        window.burst = std::max(window.burst / hosts, 1U);
        // A longer period divides a rate exactly, but is another window to a log.
        if (algorithm_ == Algorithm::gcra && window.rate.period <= kMaxPeriod / hosts) {
            window.rate.period *= hosts;
        } else {
            window.rate.requests = std::max(window.rate.requests / hosts, 1U);
        }
        // A share of a burst takes no longer than the whole, except where a rate was cut down to a
        // whole number of requests.
        if (!set_interval(window)) {
            window.burst = 1;
            set_interval(window);
        }
    }
    part.tag_ = tag_of(algorithm_, part.windows());
    return part;
}

std::int64_t Policy::memory() const noexcept {
    std::int64_t longest = 0;
    for (const Window& window : windows()) {
        longest = std::max(longest, algorithm_ == Algorithm::gcra ? window.time_of(window.burst)
                                                                  : window.rate.period);
    }
    return longest;
}

}  // namespace gatehouse::rate_limit
