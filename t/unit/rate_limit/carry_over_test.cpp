// A changed rate applies to what has been counted under the old one.

#include "rate_limit/core/key_state.hpp"
#include "rate_limit/streams.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;

struct Key {
    explicit Key(const Shape& kind) : shape(kind), bytes(KeyState::size(shape)) {}
    KeyState state() { return {bytes.span(), shape}; }
    std::uint32_t passes(std::int64_t now) {
        std::uint32_t passed = 0;
        while (state().charge_here(shape.policy, 1, now).allowed) {
            ++passed;
        }
        return passed;
    }
    Shape shape;
    Bytes bytes;
};

Shape shape_of(const Policy& policy) {
    Shape shape;
    shape.policy = policy;
    return shape;
}

// How many pass under `next` at once, after `spent` have under `first`.
std::uint32_t left(const Policy& first, std::uint32_t spent, const Policy& next) {
    Key old(shape_of(first)), fresh(shape_of(next));
    for (std::uint32_t i = 0; i < spent; ++i) {
        assert_true(old.state().charge_here(first, 1, kStart).allowed);
    }
    fresh.state().carry_over(old.state(), kStart + 1);
    return fresh.passes(kStart + 1);
}

void logs_of_other_sizes(void**) {
    assert_int_equal(left(log_policy({"5r/10m"}), 5, log_policy({"5r/10m"})), 0);
    assert_int_equal(left(log_policy({"5r/10m"}), 5, log_policy({"8r/10m"})), 3);
    assert_int_equal(left(log_policy({"8r/10m"}), 8, log_policy({"3r/10m"})), 0);
    assert_int_equal(left(log_policy({"8r/10m"}), 2, log_policy({"3r/10m"})), 1);
    assert_int_equal(left(log_policy({"8r/10m"}), 2, log_policy({"3r/10m", "100r/1d"})), 1);
}

void the_order_of_a_log_that_has_gone_round(void**) {
    const Policy first = log_policy({"4r/1s"}), next = log_policy({"6r/1s"});
    Key old(shape_of(first)), fresh(shape_of(next));
    for (std::int64_t i = 0; i < 10; ++i) {
        assert_true(old.state().charge_here(first, 1, kStart + i * 300'000).allowed);
    }
    const std::int64_t now = kStart + 9 * 300'000;
    fresh.state().carry_over(old.state(), now);
    assert_int_equal(fresh.passes(now), 2);
    assert_int_equal(fresh.passes(now + 100'001), 1);
    assert_int_equal(fresh.passes(now + 400'001), 1);
}

void arrival_times_with_more_and_fewer_windows(void**) {
    assert_int_equal(left(gcra_policy({"5r/10m"}), 5, gcra_policy({"5r/10m", "100r/1h"})), 0);
    assert_int_equal(left(gcra_policy({"5r/10m", "100r/1h"}), 5, gcra_policy({"5r/10m"})), 0);
    // Ten minutes are taken, of which a burst of the new rate is twenty.
    assert_int_equal(left(gcra_policy({"5r/10m"}), 5, gcra_policy({"10r/20m"})), 5);
}

void what_redis_has_said(void**) {
    Shape shape = shape_of(gcra_policy({"10r/10m"}));
    shape.redis = true;
    Key old(shape);
    shape.policy = gcra_policy({"10r/10m", "1000r/1d"});
    Key fresh(shape);
    Verdict refusal;
    refusal.reset = 30 * kSecond;
    old.state().settle({}, old.shape.policy, 1, refusal, kStart, kStart);
    fresh.state().carry_over(old.state(), kStart + 1);
    const Step same = fresh.state().consider(old.shape.policy, 1, kStart + 1, kSecond);
    assert_true(same.kind == Step::Kind::refuse);
    // It was said of the old policy only.
    const Step other = fresh.state().consider(fresh.shape.policy, 1, kStart + 1, kSecond);
    assert_true(other.kind == Step::Kind::ask);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(logs_of_other_sizes),
        cmocka_unit_test(the_order_of_a_log_that_has_gone_round),
        cmocka_unit_test(arrival_times_with_more_and_fewer_windows),
        cmocka_unit_test(what_redis_has_said),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
