#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "expect.hpp"
#include "rate_limit/core/policy.hpp"

namespace gatehouse::test {

// The policy of a zone with these rates.
inline rate_limit::Policy make_policy(rate_limit::Algorithm algorithm,
                                      std::initializer_list<std::string_view> rates,
                                      std::uint32_t burst = 0) {
    std::vector<rate_limit::Rate> parsed;
    for (const std::string_view text : rates) {
        const auto rate = rate_limit::parse_rate(text);
        expect(rate.ok(), text, "a rate");
        parsed.push_back(*rate);
    }
    const auto policy = rate_limit::Policy::make(algorithm, parsed, burst);
    expect(policy.ok(), "policy", "made");
    return *policy;
}

}  // namespace gatehouse::test
