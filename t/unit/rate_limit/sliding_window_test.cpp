#include "rate_limit/core/sliding_window.hpp"

#include <vector>

#include "rate_limit/core/local.hpp"
#include "rate_limit/streams.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;

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
        expect(got.excess == 0, name, "no excess");
    }
}

void requests_leave_a_period_after_they_came(void**) {
    expect_rows(log_policy({"3r/s"}), {
                                          {0, 1, {true, 0, 2, kSecond}},
                                          {200'000, 1, {true, 0, 1, 800'000}},
                                          {300'000, 1, {true, 0, 0, 700'000}},
                                          {300'000, 1, {false, 0, 0, 700'000}},
                                          {300'000, 2, {false, 0, 0, 900'000}},
                                          {999'999, 1, {false, 0, 0, 1}},
                                          {1'000'000, 1, {true, 0, 0, 200'000}},
                                          {1'199'999, 1, {false, 0, 0, 1}},
                                          {1'200'000, 1, {true, 0, 0, 100'000}},
                                          {3'000'000, 1, {true, 0, 2, kSecond}},
                                      });
}

void costs_are_whole_or_nothing(void**) {
    expect_rows(log_policy({"5r/s"}), {
                                          {0, 2, {true, 0, 3, kSecond}},
                                          {1, 4, {false, 0, 3, kSecond - 1}},
                                          {1, 6, {false, 0, 3, kSecond}},  // never
                                          {1, 3, {true, 0, 0, kSecond - 1}},
                                          {1'000'000, 2, {true, 0, 0, 1}},
                                          {1'000'000, 4, {false, 0, 0, kSecond}},
                                          {2'000'000, 5, {true, 0, 0, kSecond}},
                                      });
}

void windows_are_charged_as_one(void**) {
    expect_rows(log_policy({"2r/s", "3r/m"}), {
                                                  {0, 1, {true, 0, 1, kSecond}},
                                                  {0, 2, {false, 0, 1, kSecond}},
                                                  {0, 1, {true, 0, 0, kSecond}},
                                                  {0, 2, {false, 1, 0, 60 * kSecond}},
                                                  {1'000'000, 1, {true, 1, 0, 59 * kSecond}},
                                                  {2'000'000, 1, {false, 1, 0, 58 * kSecond}},
                                                  {60'000'000, 2, {true, 0, 0, kSecond}},
                                              });
}

void a_refund_removes_its_own_entries(void**) {
    const Policy policy = log_policy({"5r/s"});
    Bytes bytes(local_state_size(policy));
    charge(bytes.span(), policy, 1, kStart);
    charge(bytes.span(), policy, 2, kStart + 10);
    charge(bytes.span(), policy, 2, kStart + 20);
    refund(bytes.span(), policy, 1, kStart + 10, kStart + 30);
    assert_int_equal(charge(bytes.span(), policy, 1, kStart + 30).remaining, 0);
    refund(bytes.span(), policy, 3, kStart + 20, kStart + 30);
    refund(bytes.span(), policy, 1, kStart + 15, kStart + 30);
    refund(bytes.span(), policy, 1, kStart + 31, kStart + 30);
    // What is left: 0, 10 and 30.
    const Verdict verdict = peek(bytes.span(), policy, 2, kStart + 40);
    assert_true(verdict.allowed && verdict.remaining == 0);
    assert_int_equal(peek(bytes.span(), policy, 3, kStart + 40).reset, kSecond - 40);
    assert_int_equal(peek(bytes.span(), policy, 5, kStart + 40).reset, kSecond - 10);
}

// Workers may read the clock in one order and charge in another.
void entries_stay_in_order(void**) {
    const Policy policy = log_policy({"2r/s"});
    Bytes bytes(local_state_size(policy));
    charge(bytes.span(), policy, 1, kStart + 10);
    assert_true(charge(bytes.span(), policy, 1, kStart).allowed);
    assert_false(peek(bytes.span(), policy, 1, kStart + kSecond).allowed);
    assert_true(peek(bytes.span(), policy, 2, kStart + kSecond + 10).allowed);
}

void another_rate_takes_over_what_is_there(void**) {
    const Policy large = log_policy({"4r/s"}), small = log_policy({"2r/s"});
    Bytes bytes(local_state_size(large));
    for (int i = 0; i < 4; ++i) {
        charge(bytes.span(), large, 1, kStart + i);
    }
    const Verdict fewer = peek(bytes.span(), small, 1, kStart + 4);
    assert_true(!fewer.allowed && fewer.remaining == 0);
    assert_int_equal(fewer.reset, kSecond - 2);  // until there is but one
    assert_true(peek(bytes.span(), log_policy({"5r/m"}), 1, kStart + 4).allowed == false);

    // A log has no more room than its zone's rate needs.
    Bytes little(local_state_size(small));
    assert_true(charge(little.span(), large, 2, kStart).allowed);
    assert_int_equal(charge(little.span(), large, 1, kStart).reset, kSecond);
    assert_int_equal(charge(little.span(), large, 3, kStart).reset, large.memory());
    assert_true(charge(little.span(), large, 2, kStart + kSecond).allowed);
    Bytes none(0);
    assert_false(charge(none.span(), large, 1, kStart).allowed);
}

void a_log_of_another_clock_is_forgotten(void**) {
    const Policy policy = log_policy({"2r/s"});
    Bytes bytes(local_state_size(policy));
    charge(bytes.span(), policy, 2, kStart);
    assert_false(peek(bytes.span(), policy, 1, kStart - kSecond).allowed);
    assert_true(charge(bytes.span(), policy, 1, kStart - kSecond - 1).allowed);
    assert_int_equal(peek(bytes.span(), policy, 1, kStart - kSecond).remaining, 0);
}

void the_longest_log_holds_what_it_promises(void**) {
    const Policy policy = log_policy({"10000r/366d"});
    assert_int_equal(local_state_size(policy), 80'008);
    Bytes bytes(local_state_size(policy));
    for (int round = 0; round < 3; ++round) {
        const std::int64_t begin = kStart + round * kMaxPeriod;
        for (std::uint32_t i = 0; i < kMaxLog; ++i) {
            assert_int_equal(charge(bytes.span(), policy, 1, begin + i).remaining,
                             round == 0 ? kMaxLog - 1 - i : 0);
        }
        assert_false(charge(bytes.span(), policy, 1, begin + kMaxPeriod - 1).allowed);
    }
    refund(bytes.span(), policy, 1, kStart + 2 * kMaxPeriod, kStart + 2 * kMaxPeriod + kMaxLog);
    assert_true(charge(bytes.span(), policy, 1, kStart + 2 * kMaxPeriod + kMaxLog).allowed);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(requests_leave_a_period_after_they_came),
        cmocka_unit_test(costs_are_whole_or_nothing),
        cmocka_unit_test(windows_are_charged_as_one),
        cmocka_unit_test(a_refund_removes_its_own_entries),
        cmocka_unit_test(entries_stay_in_order),
        cmocka_unit_test(another_rate_takes_over_what_is_there),
        cmocka_unit_test(a_log_of_another_clock_is_forgotten),
        cmocka_unit_test(the_longest_log_holds_what_it_promises),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
