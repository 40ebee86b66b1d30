#include "rate_limit/core/lease.hpp"

#include "rate_limit/core/key_state.hpp"
#include "rate_limit/streams.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;
using Kind = Step::Kind;

constexpr std::int64_t kPatience = 20 * kMillisecond;
constexpr std::int64_t kDuration = 100 * kMillisecond;
constexpr std::int64_t kTrip = 500;  // microseconds

struct Node {
    explicit Node(const Policy& policy) {
        shape.policy = policy;
        shape.mode = Mode::lease;
        shape.redis = true;
        shape.local = false;
        shape.lease = kDuration;
        bytes = Bytes(KeyState::size(shape));
    }
    KeyState key() { return {bytes.span(), shape}; }
    Step consider(std::uint32_t cost, std::int64_t now) {
        return key().consider(shape.policy, cost, now, kPatience);
    }
    // An answer to a debit sent at `sent`; more is left in Redis.
    void credit(std::uint32_t granted, std::int64_t sent) {
        key().credit(shape.policy, granted, {granted > 0, 0, granted > 0 ? 100U : 0U, 10'000}, sent,
                     sent + kTrip);
    }
    // How many requests pass at once.
    int spend(std::int64_t now, int most = 1'000) {
        int passed = 0;
        while (passed < most && consider(1, now).kind == Kind::admit) {
            ++passed;
        }
        return passed;
    }

    Shape shape;
    Bytes bytes{0};
};

void expect_ask(const Step& step, std::uint32_t debit) {
    assert_true(step.kind == Kind::ask && !step.placed);
    assert_int_equal(step.debit, debit);
}

void a_key_without_a_lease_asks_for_what_it_needs(void**) {
    Node node(gcra_policy({"1000r/s"}));
    expect_ask(node.consider(1, kStart), 1);
    // One debit at a time: the next one waits for it, or is charged by itself.
    expect_ask(node.consider(1, kStart), 0);
    node.credit(1, kStart);
    const Step step = node.consider(1, kStart + kTrip);
    assert_true(step.kind == Kind::admit && step.source == Source::lease && step.debit == 0);
    assert_true(step.verdict.allowed && step.verdict.reset > 0);
    expect_ask(node.consider(7, kStart + kTrip), 7);
}

void a_debit_ends_by_itself(void**) {
    Node node(gcra_policy({"1000r/s"}));
    expect_ask(node.consider(1, kStart), 1);
    expect_ask(node.consider(1, kStart + kPatience - 1), 0);
    const Step next = node.consider(1, kStart + kPatience);
    assert_true(next.kind == Kind::ask && next.debit > 0);
    node.key().give_up(next);
    assert_true(node.consider(1, kStart + kPatience).debit > 0);
}

void what_no_debit_can_grant_is_charged_by_itself(void**) {
    Node node(gcra_policy({"1000r/s", "100r/m"}, 50));
    expect_ask(node.consider(51, kStart), 0);
    expect_ask(node.consider(50, kStart), 50);
}

void leased_requests_expire(void**) {
    Node node(gcra_policy({"1000r/s"}));
    node.credit(10, kStart);
    assert_int_equal(node.spend(kStart + kDuration - 1, 4), 4);
    assert_int_equal(node.spend(kStart + kDuration), 0);
    node.credit(10, kStart + kDuration - kPatience);
    assert_int_equal(node.spend(kStart + kDuration), 10);
    // An answer that took longer than the lease is worth nothing.
    node.key().credit(node.shape.policy, 10, {true, 0, 100, 1}, kStart, kStart + kDuration);
    assert_int_equal(node.spend(kStart + kDuration), 0);
}

void the_older_lease_is_spent_first(void**) {
    Node node(gcra_policy({"1000r/s"}));
    node.credit(10, kStart);
    node.credit(5, kStart + kDuration / 2);
    assert_int_equal(node.spend(kStart + kDuration - 1, 10), 10);
    assert_int_equal(node.spend(kStart + kDuration), 5);

    // A third one: nothing is lost while the oldest lives on ...
    node.credit(10, kStart + 2 * kDuration);
    node.credit(5, kStart + 2 * kDuration + 1);
    node.credit(1, kStart + 2 * kDuration + 2);
    assert_int_equal(node.spend(kStart + 2 * kDuration + kTrip + 2), 16);
    // ... and the smaller part of it is, when that is about to expire.
    node.credit(1, kStart + 4 * kDuration);
    node.credit(10, kStart + 5 * kDuration - 2 * kTrip);
    node.credit(5, kStart + 5 * kDuration - kTrip - 1);
    assert_int_equal(node.spend(kStart + 5 * kDuration - 1), 15);
}

void what_was_spent_in_vain_comes_back_until_it_expires(void**) {
    Node node(gcra_policy({"1000r/s"}));
    node.credit(1, kStart);
    const std::int64_t now = kStart + kTrip;
    const Step step = node.consider(1, now);
    node.key().take_back(step, node.shape.policy, 1, now, now + 1);
    assert_int_equal(node.spend(now + 1), 1);
    // Not into a younger lease: that would lengthen its life.
    node.credit(2, now + kDuration);
    node.key().take_back(step, node.shape.policy, 1, now, now + kDuration + kTrip);
    assert_int_equal(node.spend(now + kDuration + kTrip), 2);
}

void an_empty_debit_denies_and_waits_a_little(void**) {
    Node node(gcra_policy({"1000r/s"}));
    node.credit(0, kStart);
    // 10 ms was the answer; an eighth of the lease is 12.5 ms.
    const std::int64_t end = kStart + kDuration / 8;
    const Step step = node.consider(1, end - 1);
    assert_true(step.kind == Kind::refuse && step.source == Source::deny_cache);
    assert_int_equal(step.verdict.reset, 1);
    // One debit finds out whether it is over; the others are refused meanwhile.
    assert_true(node.consider(1, end).debit > 0);
    const Step meanwhile = node.consider(1, end + 1);
    assert_true(meanwhile.kind == Kind::refuse);
    assert_int_equal(meanwhile.verdict.reset, kPatience - 1);
}

void a_lease_is_spent_whatever_is_denied(void**) {
    Node node(gcra_policy({"1000r/s"}));
    node.key().credit(node.shape.policy, 3, {true, 0, 0, 1'000}, kStart, kStart + kTrip);
    assert_int_equal(node.spend(kStart + kTrip), 3);
    assert_true(node.consider(1, kStart + kTrip).kind == Kind::refuse);
}

// Its parts would expire one after the other.
void a_cost_beyond_a_lease_is_charged_as_a_whole(void**) {
    Node node(gcra_policy({"10r/s"}));
    node.credit(0, kStart);
    const Step step = node.consider(5, kStart + kDuration);
    assert_true(step.kind == Kind::ask && step.probe && step.debit == 0);
}

void a_refused_cost_is_denied_and_a_lower_one_is_not(void**) {
    Node node(gcra_policy({"1000r/s"}));
    node.key().settle({}, node.shape.policy, 5, {false, 0, 4, 30'000}, kStart, kStart + kTrip);
    const Step step = node.consider(5, kStart + kTrip);
    assert_true(step.kind == Kind::refuse);
    assert_int_equal(step.verdict.reset, 30'000 - kTrip);
    assert_int_equal(step.verdict.remaining, 4);
    assert_true(node.consider(1, kStart + kTrip).debit > 0);
}

void another_policy_has_no_part_in_it(void**) {
    Node node(gcra_policy({"1000r/s"}));
    node.credit(10, kStart);
    const Policy other = gcra_policy({"999r/s"});
    const Step step = node.key().consider(other, 1, kStart + kTrip, kPatience);
    assert_true(step.kind == Kind::ask && step.debit == 1);
}

void a_steady_key_is_topped_up_in_time(void**) {
    Node node(gcra_policy({"100000r/s"}));
    std::int64_t now = kStart;
    int waits = 0;
    std::uint32_t largest = 0;
    for (int i = 0; i < 3'000; ++i, now += 100) {  // 10,000 a second
        const Step step = node.consider(1, now);
        if (step.debit > 0) {
            waits += step.kind == Kind::ask && i > 100 ? 1 : 0;
            largest = std::max(largest, step.debit);
            node.credit(step.debit, now);
        }
    }
    assert_int_equal(waits, 0);
    // A third of a lease is 333 requests, of which half are there.
    assert_in_range(largest, 150, 180);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_key_without_a_lease_asks_for_what_it_needs),
        cmocka_unit_test(a_debit_ends_by_itself),
        cmocka_unit_test(what_no_debit_can_grant_is_charged_by_itself),
        cmocka_unit_test(leased_requests_expire),
        cmocka_unit_test(the_older_lease_is_spent_first),
        cmocka_unit_test(what_was_spent_in_vain_comes_back_until_it_expires),
        cmocka_unit_test(an_empty_debit_denies_and_waits_a_little),
        cmocka_unit_test(a_lease_is_spent_whatever_is_denied),
        cmocka_unit_test(a_cost_beyond_a_lease_is_charged_as_a_whole),
        cmocka_unit_test(a_refused_cost_is_denied_and_a_lower_one_is_not),
        cmocka_unit_test(another_policy_has_no_part_in_it),
        cmocka_unit_test(a_steady_key_is_topped_up_in_time),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
