// Rates, from the configuration or out of a variable. The input is lines: rates, and after an empty
// one a number for the burst and one for the nodes.
//
// What must hold: a rate is within its limits and is the same when it is written again; what a
// policy promises about its numbers; and that charges under it keep to the burst.

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "property.hpp"
#include "rate_limit/core/local.hpp"
#include "rate_limit/core/policy.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::fuzz;

constexpr std::int64_t kSecond = 1'000'000;

std::uint32_t number(std::string_view text) {
    std::uint32_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

void check_rate(const Rate& rate) {
    require(rate.requests > 0 && rate.requests <= kMaxRequests, "requests within limits");
    require(rate.period > 0 && rate.period <= kMaxPeriod, "a period within limits");
    require(rate.period % kSecond == 0, "whole seconds");
    const auto again = parse_rate(std::to_string(rate.requests) + "r/" +
                                  std::to_string(rate.period / kSecond) + 's');
    require(again && *again == rate, "the same when it is written again");
}

void check_policy(const Policy& policy) {
    require(policy.tag() != 0 && policy.memory() > 0, "a policy that is told apart and expires");
    for (const Window& window : policy.windows()) {
        require(window.burst > 0 && window.cost > 0 && window.per > 0, "numbers above zero");
        __extension__ using Wide = __int128;
        require(Wide{window.burst} * window.cost < Wide{1} << 53, "numbers that Lua holds");
        require(Wide{window.cost} * window.rate.requests >= Wide{window.per} * window.rate.period,
                "never more than the rate");
    }
}

// At one instant no more than the burst passes.
void check_charges(const Policy& policy) {
    std::uint32_t burst = kMaxRequests;
    for (const Window& window : policy.windows()) {
        burst = std::min(burst, window.burst);
    }
    std::vector<std::byte> state(local_state_size(policy));
    constexpr std::int64_t kNow = 1;
    require(!charge(state, policy, burst + 1, kNow).allowed, "no more than the burst");
    const Verdict first = charge(state, policy, burst, kNow);
    require(first.allowed && first.remaining == 0 && first.reset > 0, "all of the burst");
    const Verdict second = charge(state, policy, 1, kNow);
    require(!second.allowed && second.reset == first.reset, "nothing beyond it");
    require(charge(state, policy, 1, kNow + second.reset).allowed, "one more at the reset");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input = text_of(data, size);
    std::vector<Rate> rates;
    for (std::string_view line = take_line(input); !line.empty(); line = take_line(input)) {
        const auto rate = parse_rate(line);
        require(rate || rate.error() != PolicyError::none, "a reason for what is no rate");
        if (rate) {
            check_rate(*rate);
            rates.push_back(*rate);
        }
    }
    const std::uint32_t burst = number(take_line(input)), hosts = number(take_line(input));
    for (const Algorithm algorithm : {Algorithm::gcra, Algorithm::sliding_window}) {
        const auto policy = Policy::make(algorithm, rates, burst);
        if (policy) {
            for (const Policy& one : {*policy, policy->share(hosts)}) {
                check_policy(one);
                check_charges(one);
            }
        }
    }
    return 0;
}
