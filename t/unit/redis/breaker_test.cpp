#include "redis/core/breaker.hpp"

#include <limits>

#include "cmocka.hpp"

namespace {

using gatehouse::redis::Breaker;

constexpr std::uint32_t kRandom = 0;  // half of each interval: 25, 50, 100 ... ms

void test_closed(void**) {
    Breaker breaker;
    assert_true(breaker.lets_pass(0));
    assert_false(breaker.is_open());
}

void test_single_probes(void**) {
    Breaker breaker;
    breaker.trip(1000, kRandom);
    assert_true(breaker.is_open());
    assert_false(breaker.lets_pass(1000));
    assert_false(breaker.lets_pass(1024));
    assert_true(breaker.lets_pass(1025));
    breaker.probe(1025, kRandom);
    // Others wait until the probe has had its time, which is longer.
    assert_false(breaker.lets_pass(1025));
    assert_false(breaker.lets_pass(1074));
    assert_true(breaker.lets_pass(1075));
}

// Calls in flight are refused one after the other: that is one failure, and the probe's refusal
// does not put the next one off twice.
void test_many_refusals_count_once(void**) {
    Breaker breaker;
    for (int i = 0; i < 100; ++i) {
        breaker.trip(1000, kRandom);
    }
    assert_true(breaker.lets_pass(1025));
    breaker.probe(1025, kRandom);
    breaker.trip(1030, kRandom);
    assert_true(breaker.lets_pass(1075));
}

void test_closes(void**) {
    Breaker breaker;
    breaker.trip(1000, kRandom);
    breaker.probe(1025, kRandom);
    breaker.close();
    assert_true(breaker.lets_pass(1025));
    assert_false(breaker.is_open());
    // The next time begins with a short interval again.
    breaker.trip(2000, kRandom);
    assert_true(breaker.lets_pass(2025));
}

void test_clock_wraps(void**) {
    constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
    Breaker breaker;
    breaker.trip(kLast - 10, kRandom);
    assert_false(breaker.lets_pass(kLast));
    assert_false(breaker.lets_pass(13));
    assert_true(breaker.lets_pass(14));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_single_probes),
        cmocka_unit_test(test_many_refusals_count_once),
        cmocka_unit_test(test_closes),
        cmocka_unit_test(test_clock_wraps),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
