#include "redis/core/backoff.hpp"

#include <limits>

#include "cmocka.hpp"

namespace {

using gatehouse::redis::Backoff;

constexpr std::uint32_t kLargest = std::numeric_limits<std::uint32_t>::max();
constexpr long kCeilings[] = {50, 100, 200, 400, 800, 1600, 2000, 2000, 2000};

void test_doubling(void**) {
    Backoff backoff;
    for (const long ceiling : kCeilings) {
        assert_int_equal(backoff.next(0).count(), ceiling - ceiling / 2);
    }
}

void test_jitter(void**) {
    for (std::uint32_t random : {0U, 1U, 24U, 25U, 26U, 999U, 1000U, 1001U, 12345678U, kLargest}) {
        Backoff backoff;
        for (const long ceiling : kCeilings) {
            const long wait = backoff.next(random).count();
            assert_in_range(wait, ceiling / 2, ceiling);
        }
    }
    // Both ends are reached.
    assert_int_equal(Backoff().next(25).count(), 50);
    assert_int_equal(Backoff().next(26).count(), 25);
}

void test_reset(void**) {
    Backoff backoff;
    for (int i = 0; i < 20; ++i) {
        backoff.next(kLargest);
    }
    backoff.reset();
    assert_int_equal(backoff.next(0).count(), 25);
    assert_int_equal(backoff.next(0).count(), 50);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_doubling),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_reset),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
