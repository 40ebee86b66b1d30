#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expect.hpp"
#include "rate_limit/core/local.hpp"
#include "rate_limit/core/policy.hpp"

// Streams of requests, and what must hold of those that a limit has admitted, found by brute force.

namespace gatehouse::test {

inline constexpr std::int64_t kMillisecond = 1'000;
inline constexpr std::int64_t kSecond = 1'000'000;

// Any time does: clocks start somewhere.
inline constexpr std::int64_t kStart = 1'234'567'891'011;

inline rate_limit::Policy policy(rate_limit::Algorithm algorithm,
                                 std::initializer_list<std::string_view> rates,
                                 std::uint32_t burst = 0) {
    std::vector<rate_limit::Rate> parsed;
    for (const std::string_view text : rates) {
        const auto rate = rate_limit::parse_rate(text);
        expect(rate.ok(), text, "a rate");
        parsed.push_back(*rate);
    }
    const auto made = rate_limit::Policy::make(algorithm, parsed, burst);
    expect(made.ok(), rates.size() > 0 ? *rates.begin() : "", "a policy");
    return *made;
}

inline rate_limit::Policy gcra_policy(std::initializer_list<std::string_view> rates,
                                      std::uint32_t burst = 0) {
    return policy(rate_limit::Algorithm::gcra, rates, burst);
}

inline rate_limit::Policy log_policy(std::initializer_list<std::string_view> rates) {
    return policy(rate_limit::Algorithm::sliding_window, rates);
}

// A policy in words, for messages.
inline std::string name_of(const rate_limit::Policy& policy) {
    std::string name =
        policy.algorithm() == rate_limit::Algorithm::gcra ? "gcra" : "sliding_window";
    for (const auto& window : policy.windows()) {
        name += ' ' + std::to_string(window.rate.requests) + "r/" +
                std::to_string(window.rate.period) + "us burst " + std::to_string(window.burst);
    }
    return name;
}

// The state of one key, as a zone holds it.
class Bytes {
  public:
    explicit Bytes(std::size_t size) : words_((size + 7) / 8), size_(size) {}
    std::span<std::byte> span() { return std::as_writable_bytes(std::span(words_)).first(size_); }

  private:
    std::vector<std::uint64_t> words_;
    std::size_t size_;
};

struct Admitted {
    std::int64_t at;
    std::uint32_t cost;
};

// The most by which the requests of any interval of time exceed what is due in it, in millionths of
// a request, never less than 0. gcra: burst + rate * W; sliding_window: N in a period.
inline std::int64_t surplus(const rate_limit::Window& window, rate_limit::Algorithm algorithm,
                            std::span<const Admitted> admitted) {
    std::int64_t worst = 0;
    for (std::size_t first = 0; first < admitted.size(); ++first) {
        std::int64_t sum = 0;
        for (std::size_t last = first; last < admitted.size(); ++last) {
            const std::int64_t length = admitted[last].at - admitted[first].at;
            __extension__ using Wide = __int128;
            Wide due = Wide{window.burst} * 1'000'000;
            if (algorithm == rate_limit::Algorithm::gcra) {
                due += Wide{length} * window.rate.requests * 1'000'000 / window.rate.period;
            } else if (length >= window.rate.period) {
                break;
            }
            sum += admitted[last].cost;
            worst = std::max(worst, sum * 1'000'000 - static_cast<std::int64_t>(due));
        }
    }
    return worst;
}

inline void expect_within_bounds(const rate_limit::Policy& policy,
                                 std::span<const Admitted> admitted) {
    for (const auto& window : policy.windows()) {
        expect(surplus(window, policy.algorithm(), admitted) == 0, name_of(policy),
               "never more than what is due in any window");
    }
}

class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    // From 0 to `end` - 1.
    std::int64_t below(std::int64_t end) {
        return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(end));
    }
    bool one_in(std::int64_t number) { return below(number) == 0; }

    // Microseconds between two arrivals of a Poisson process.
    std::int64_t gap(double per_second) {
        return static_cast<std::int64_t>(
            std::exponential_distribution<>(per_second / kSecond)(engine_));
    }

  private:
    std::mt19937_64 engine_;
};

}  // namespace gatehouse::test
