#include "rate_limit/core/gcra.hpp"

#include <vector>

#include "rate_limit/core/local.hpp"
#include "rate_limit/streams.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;

// One charge of a row, at a time after the start.
struct Row {
    std::int64_t at;
    std::uint32_t cost;
    Verdict expected;
};

void expect_rows(const Policy& policy, const std::vector<Row>& rows) {
    Bytes bytes(local_state_size(policy));
    for (const Row& row : rows) {
        const Verdict got = charge(bytes.span(), policy, row.cost, kStart + row.at);
        const std::string name = name_of(policy) + " at " + std::to_string(row.at);
        expect(got.allowed == row.expected.allowed, name, "allowed");
        expect(got.window == row.expected.window, name, "window");
        expect(got.remaining == row.expected.remaining, name, "remaining");
        expect(got.reset == row.expected.reset, name, "reset");
        expect(got.excess == row.expected.excess, name, "excess");
    }
}

void a_burst_passes_and_comes_back_one_by_one(void**) {
    expect_rows(gcra_policy({"10r/s"}, 3), {
                                               {0, 1, {true, 0, 2, 100'000, 0}},
                                               {0, 1, {true, 0, 1, 100'000, 100'000}},
                                               {0, 1, {true, 0, 0, 100'000, 200'000}},
                                               {0, 1, {false, 0, 0, 100'000, 0}},
                                               {99'999, 1, {false, 0, 0, 1, 0}},
                                               {100'000, 1, {true, 0, 0, 100'000, 200'000}},
                                               {250'000, 1, {true, 0, 0, 50'000, 150'000}},
                                               {900'000, 1, {true, 0, 2, 100'000, 0}},
                                           });
}

void costs_are_whole_or_nothing(void**) {
    expect_rows(gcra_policy({"10r/s"}, 5), {
                                               {0, 3, {true, 0, 2, 100'000, 200'000}},
                                               {0, 3, {false, 0, 2, 100'000, 0}},
                                               {0, 5, {false, 0, 2, 300'000, 0}},
                                               {0, 6, {false, 0, 2, 500'000, 0}},  // never
                                               {0, 2, {true, 0, 0, 100'000, 400'000}},
                                               {500'000, 5, {true, 0, 0, 100'000, 400'000}},
                                           });
}

void windows_are_charged_as_one(void**) {
    const Policy policy = gcra_policy({"4r/s", "5r/m"});
    expect_rows(policy, {
                            {0, 3, {true, 0, 1, 250'000, 24 * kSecond}},
                            // The first window refuses, so the second is not charged either.
                            {0, 2, {false, 0, 1, 250'000, 0}},
                            {0, 1, {true, 0, 0, 250'000, 36 * kSecond}},
                            // Both refuse: the one that takes longer counts.
                            {0, 2, {false, 1, 0, 12 * kSecond, 0}},
                            {kSecond, 1, {true, 1, 0, 11 * kSecond, 47 * kSecond}},
                            {kSecond, 1, {false, 1, 0, 11 * kSecond, 0}},
                        });
}

// Three requests take a second to the microsecond, for as long as one likes.
void nothing_is_rounded(void**) {
    const Policy policy = gcra_policy({"3r/s"}, 2);
    Bytes bytes(local_state_size(policy));
    charge(bytes.span(), policy, 2, kStart);
    for (int i = 1; i <= 3'000; ++i) {
        const std::int64_t now = kStart + i * kSecond / 3 + (i % 3 > 0 ? 1 : 0);
        assert_false(peek(bytes.span(), policy, 1, now - 1).allowed);
        assert_true(charge(bytes.span(), policy, 1, now).allowed);
        if (i % 3 == 0) {
            assert_int_equal(expiry(bytes.span(), policy, now), now + 666'667);
        }
    }
}

void refunds_shrink_with_time(void**) {
    const Policy policy = gcra_policy({"10r/s"}, 5);
    // How far the arrival time is ahead of the start: half a second without a refund.
    const auto ahead_after = [&](std::int64_t charged_at, std::int64_t now) {
        Bytes bytes(local_state_size(policy));
        charge(bytes.span(), policy, 2, kStart);
        charge(bytes.span(), policy, 3, kStart + 1);
        refund(bytes.span(), policy, 2, kStart + charged_at, kStart + now);
        return expiry(bytes.span(), policy, kStart + now) - kStart;
    };
    assert_int_equal(ahead_after(0, 1), 300'001);
    assert_int_equal(ahead_after(0, 50'000), 350'000);
    assert_int_equal(ahead_after(0, 199'999), 499'999);
    assert_int_equal(ahead_after(0, 200'000), 500'000);
    // Never more than the charge, and no overflow.
    assert_int_equal(ahead_after(2, 1), 300'000);
    assert_int_equal(ahead_after(-kStart, kMaxPeriod), kMaxPeriod);
}

void another_rate_takes_over_what_is_there(void**) {
    const Policy slow = gcra_policy({"10r/s"}), fast = gcra_policy({"7r/s"}, 70);
    Bytes bytes(local_state_size(slow));
    charge(bytes.span(), slow, 10, kStart);
    // A second ahead of the clock is what seven requests of the other rate take.
    assert_int_equal(charge(bytes.span(), fast, 1, kStart).remaining, 62);
    // One window more has no room here, and is new every time.
    const Policy more = gcra_policy({"7r/s", "3r/m"}, 70);
    const Verdict verdict = charge(bytes.span(), more, 1, kStart);
    assert_true(verdict.allowed && verdict.window == 0 && verdict.remaining == 61);
    assert_false(charge(bytes.span(), more, 71, kStart).allowed);
    Bytes room(local_state_size(more));
    charge(room.span(), slow, 10, kStart);
    assert_int_equal(charge(room.span(), more, 1, kStart).remaining, 62);
}

void the_largest_numbers_do_not_overflow(void**) {
    constexpr std::int64_t kLate = std::int64_t{1} << 61;
    for (const Policy& policy : {gcra_policy({"1000000000r/366d"}), gcra_policy({"1r/366d"}, 142),
                                 gcra_policy({"1000000000r/s"}), gcra_policy({"999999937r/d"}),
                                 gcra_policy({"1r/s"}, 1'000'000'000)}) {
        const std::uint32_t burst = policy.windows()[0].burst;
        Bytes bytes(local_state_size(policy));
        assert_int_equal(charge(bytes.span(), policy, burst - 1, kLate).remaining, 1);
        const Verdict last = charge(bytes.span(), policy, 1, kLate);
        assert_true(last.allowed && last.remaining == 0);
        const Verdict none = charge(bytes.span(), policy, burst, kLate);
        assert_false(none.allowed);
        assert_int_equal(none.reset, policy.memory());
        assert_true(charge(bytes.span(), policy, burst, kLate + none.reset).allowed);
        assert_false(charge(bytes.span(), policy, 0xffff'ffff, kLate).allowed);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_comes_back_one_by_one),
        cmocka_unit_test(costs_are_whole_or_nothing),
        cmocka_unit_test(windows_are_charged_as_one),
        cmocka_unit_test(nothing_is_rounded),
        cmocka_unit_test(refunds_shrink_with_time),
        cmocka_unit_test(another_rate_takes_over_what_is_there),
        cmocka_unit_test(the_largest_numbers_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
