#include "rate_limit/core/policy.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "rate_limit/streams.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;
__extension__ using Wide = __int128;

void rates_are_parsed(void**) {
    struct Row {
        std::string_view text;
        std::uint32_t requests;
        std::int64_t period;
    };
    constexpr std::array<Row, 12> kRows{{
        {"1r/s", 1, kSecond},
        {"5r/s", 5, kSecond},
        {"20r/10m", 20, 600 * kSecond},
        {"1000r/1d", 1000, 86'400 * kSecond},
        {"7r/h", 7, 3'600 * kSecond},
        {"7r/24h", 7, 86'400 * kSecond},
        {"1r/366d", 1, kMaxPeriod},
        {"1r/31622400s", 1, kMaxPeriod},
        {"1000000000r/s", kMaxRequests, kSecond},
        {"1000000000r/366d", kMaxRequests, kMaxPeriod},
        {"007r/02m", 7, 120 * kSecond},
        {"60r/m", 60, 60 * kSecond},
    }};
    for (const Row& row : kRows) {
        const auto rate = parse_rate(row.text);
        expect(rate.ok(), row.text, "parses");
        expect(*rate == Rate{row.requests, row.period}, row.text, "as it says");
    }
}

void what_is_no_rate_is_told(void**) {
    struct Row {
        std::string_view text;
        PolicyError error;
    };
    constexpr std::array<Row, 35> kRows{{
        {"", PolicyError::malformed_rate},
        {"r/s", PolicyError::malformed_rate},
        {"5", PolicyError::malformed_rate},
        {"5r", PolicyError::malformed_rate},
        {"5r/", PolicyError::malformed_rate},
        {"5r/5", PolicyError::malformed_rate},
        {"5r/ms", PolicyError::malformed_rate},
        {"5r/5ms", PolicyError::malformed_rate},
        {"5r/w", PolicyError::malformed_rate},
        {"5r/S", PolicyError::malformed_rate},
        {"5R/s", PolicyError::malformed_rate},
        {"5/s", PolicyError::malformed_rate},
        {"5 r/s", PolicyError::malformed_rate},
        {" 5r/s", PolicyError::malformed_rate},
        {"5r/s ", PolicyError::malformed_rate},
        {"5r/ss", PolicyError::malformed_rate},
        {"5r//s", PolicyError::malformed_rate},
        {"-5r/s", PolicyError::malformed_rate},
        {"+5r/s", PolicyError::malformed_rate},
        {"5r/-1s", PolicyError::malformed_rate},
        {"5r/+1s", PolicyError::malformed_rate},
        {"5.5r/s", PolicyError::malformed_rate},
        {"1e3r/s", PolicyError::malformed_rate},
        {"5r/1.5s", PolicyError::malformed_rate},
        {{"5r/s\0", 5}, PolicyError::malformed_rate},
        {"99999999999999999999r/x", PolicyError::malformed_rate},
        {"0r/s", PolicyError::zero},
        {"5r/0s", PolicyError::zero},
        {"0r/0d", PolicyError::zero},
        {"1000000001r/s", PolicyError::too_large},
        {"18446744073709551617r/s", PolicyError::too_large},
        {"1r/367d", PolicyError::too_large},
        {"1r/31622401s", PolicyError::too_large},
        {"1r/9223372036854775807s", PolicyError::too_large},
        {"1r/18446744073709551617d", PolicyError::too_large},
    }};
    for (const Row& row : kRows) {
        const auto rate = parse_rate(row.text);
        expect(!rate.ok(), row.text, "is refused");
        expect(rate.error() == row.error, row.text, message(row.error));
    }
}

void what_is_no_policy_is_told(void**) {
    const auto refused = [](Algorithm algorithm, std::vector<Rate> rates, std::uint32_t burst) {
        const auto made = Policy::make(algorithm, rates, burst);
        return made ? PolicyError::none : made.error();
    };
    const Rate rate{5, kSecond};
    using enum Algorithm;
    assert_true(refused(gcra, {}, 0) == PolicyError::zero);
    assert_true(refused(gcra, {rate, {0, 1}}, 0) == PolicyError::zero);
    assert_true(refused(gcra, {{1, 0}}, 0) == PolicyError::zero);
    assert_true(refused(gcra, {{1, -1}}, 0) == PolicyError::zero);
    assert_true(refused(gcra, {rate, rate, rate, rate}, 0) == PolicyError::none);
    assert_true(refused(gcra, {rate, rate, rate, rate, rate}, 0) == PolicyError::too_many_windows);
    assert_true(refused(gcra, {{kMaxRequests + 1, 1}}, 0) == PolicyError::too_large);
    assert_true(refused(gcra, {{1, kMaxPeriod + 1}}, 0) == PolicyError::too_large);
    assert_true(refused(gcra, {rate}, kMaxRequests) == PolicyError::none);
    assert_true(refused(gcra, {rate}, kMaxRequests + 1) == PolicyError::too_large);
    assert_true(refused(gcra, {{1, kMaxPeriod}}, 142) == PolicyError::none);
    assert_true(refused(gcra, {{1, kMaxPeriod}}, 143) == PolicyError::too_large);
    assert_true(refused(sliding_window, {{kMaxLog, 1}}, 0) == PolicyError::none);
    assert_true(refused(sliding_window, {{kMaxLog + 1, 1}}, 0) == PolicyError::log_too_long);
    assert_true(refused(gcra, {{kMaxLog + 1, 1}}, 0) == PolicyError::none);
    for (int error = 0; error <= static_cast<int>(PolicyError::log_too_long); ++error) {
        const std::string_view text = message(static_cast<PolicyError>(error));
        assert_true(!text.empty() && text != "unknown error");
    }
}

// cost / per is the rate, or less by a hair, in numbers that doubles hold.
void expect_interval(const Window& window, std::string_view row) {
    expect(window.cost > 0 && window.per > 0 && window.per <= kMaxRequests, row, "is a fraction");
    expect(Wide{window.burst} * window.cost < Wide{1} << 52, row, "is exact in Lua");
    const Wide interval = Wide{window.cost} * window.rate.requests;
    const Wide exact = Wide{window.per} * window.rate.period;
    expect(interval >= exact, row, "is never above the rate");
    expect((interval - exact) * 1'000'000 < exact, row, "is close to the rate");
}

void intervals_are_exact_or_close(void**) {
    const auto window = [](std::string_view rate, std::uint32_t burst) {
        return gcra_policy({rate}, burst).windows()[0];
    };
    const Window slow = window("20r/10m", 0);
    assert_int_equal(slow.burst, 20);
    assert_int_equal(slow.cost, 30 * kSecond);
    assert_int_equal(slow.per, 1);
    const Window third = window("3r/s", 7);
    assert_int_equal(third.burst, 7);
    assert_int_equal(third.cost, kSecond);
    assert_int_equal(third.per, 3);
    const Window fast = window("1000000000r/s", 0);
    assert_int_equal(fast.cost, 1);
    assert_int_equal(fast.per, 1000);
    expect_interval(window("999999937r/m", 0), "a prime number");
    expect_interval(window("999999937r/366d", 0), "a prime number a year");
    expect_interval(window("999999937r/s", kMaxRequests), "the longest burst");

    Random random(1);
    for (int i = 0; i < 20'000; ++i) {
        const Rate rate{static_cast<std::uint32_t>(1 + random.below(1LL << random.below(30))),
                        1 + random.below(1LL << random.below(44))};
        const auto burst = static_cast<std::uint32_t>(random.below(1LL << random.below(30)));
        const auto made = Policy::make(Algorithm::gcra, {&rate, 1}, burst);
        const Wide years = Wide{burst == 0 ? rate.requests : burst} * rate.period / rate.requests;
        if (!made) {
            assert_true(rate.period > kMaxPeriod || rate.requests > kMaxRequests ||
                        years >= (Wide{1} << 52) - kMaxPeriod);
            continue;
        }
        expect_interval(made->windows()[0], name_of(*made));
    }
}

void times_are_rounded_up(void**) {
    const Window third = gcra_policy({"3r/s"}).windows()[0];
    assert_int_equal(third.time_of(1), 333'334);
    assert_int_equal(third.time_of(3), kSecond);
    assert_int_equal(third.time_of(0), 0);
    assert_int_equal(third.time_of(-1), 0);
    assert_int_equal(third.time_of(INT64_MAX), INT64_MAX);
    assert_int_equal(gcra_policy({"20r/10m"}).memory(), 600 * kSecond);
    assert_int_equal(gcra_policy({"20r/10m", "5r/s"}, 40).memory(), 1'200 * kSecond);
    assert_int_equal(log_policy({"5r/s", "20r/10m"}).memory(), 600 * kSecond);
}

void shares_add_up_to_the_whole(void**) {
    const Policy whole = gcra_policy({"20r/10m", "5r/s"}, 10);
    assert_true(whole.share(0) == whole && whole.share(1) == whole);
    const Policy third = whole.share(3);
    assert_int_equal(third.windows()[0].burst, 3);
    assert_int_equal(third.windows()[0].time_of(1), 90 * kSecond);
    assert_int_equal(third.windows()[1].time_of(1), 600 * kMillisecond);
    assert_int_equal(whole.share(11).windows()[0].burst, 1);
    assert_int_equal(whole.share(11).windows()[0].time_of(1), 330 * kSecond);

    const Policy log = log_policy({"20r/10m"}).share(3);
    assert_int_equal(log.windows()[0].burst, 6);
    assert_true(log.windows()[0].rate == (Rate{6, 600 * kSecond}));
    assert_int_equal(log_policy({"2r/s"}).share(9).windows()[0].burst, 1);

    // No number of nodes makes numbers that do not fit.
    for (const std::string_view rate : {"1r/366d", "142r/366d", "1000000000r/366d", "3r/366d"}) {
        for (const std::uint32_t burst : {1U, 142U, 213U, 400U}) {
            const Rate parsed = *parse_rate(rate);
            const auto made = Policy::make(Algorithm::gcra, {&parsed, 1}, burst);
            for (const std::uint32_t hosts : {2U, 3U, 366U, 1U << 31, ~0U}) {
                if (made) {
                    expect_interval(made->share(hosts).windows()[0], rate);
                }
            }
        }
    }
}

void tags_tell_policies_apart(void**) {
    const std::vector<Policy> policies{
        gcra_policy({"5r/s"}),         gcra_policy({"5r/s"}, 6),      gcra_policy({"6r/s"}, 5),
        gcra_policy({"5r/m"}),         gcra_policy({"5r/s", "5r/s"}), gcra_policy({"5r/s", "5r/m"}),
        gcra_policy({"5r/m", "5r/s"}), log_policy({"5r/s"}),          log_policy({"5r/m"}),
    };
    for (std::size_t i = 0; i < policies.size(); ++i) {
        assert_true(policies[i].tag() != 0);
        for (std::size_t j = 0; j < i; ++j) {
            expect(policies[i].tag() != policies[j].tag(), name_of(policies[i]), "is told apart");
            expect(policies[i] != policies[j], name_of(policies[i]), "differs");
        }
    }
    assert_true(gcra_policy({"5r/s"}, 5) == gcra_policy({"5r/1s"}));
    assert_true(log_policy({"6r/s"}).share(2).tag() == log_policy({"3r/s"}).tag());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_parsed),          cmocka_unit_test(what_is_no_rate_is_told),
        cmocka_unit_test(what_is_no_policy_is_told), cmocka_unit_test(intervals_are_exact_or_close),
        cmocka_unit_test(times_are_rounded_up),      cmocka_unit_test(shares_add_up_to_the_whole),
        cmocka_unit_test(tags_tell_policies_apart),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
