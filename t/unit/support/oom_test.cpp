// The injector is trusted by every other test, so it is tested itself: each of the three
// allocators must be reached, and the count of runs must equal the count of allocations.

#include "oom.hpp"

#include <jansson.h>
#include <openssl/crypto.h>

#include <memory>
#include <string>
#include <vector>

#include "cmocka.hpp"

namespace {

using gatehouse::test::FailingAllocation;
using gatehouse::test::FailureMode;
using gatehouse::test::for_each_failing_allocation;

void strikes_operator_new(void**) {
    bool threw = false;
    bool refused = false;
    {
        const FailingAllocation failing(1, FailureMode::forever);
        try {
            const auto value = std::make_unique<std::vector<char>>(100);
        } catch (const std::bad_alloc&) {
            threw = true;
        }
        const std::unique_ptr<int> value(new (std::nothrow) int);
        refused = value == nullptr;
    }
    assert_true(threw);
    assert_true(refused);
}

void strikes_jansson(void**) {
    json_t* object = nullptr;
    {
        const FailingAllocation failing(1, FailureMode::once);
        object = json_object();
    }
    assert_null(object);
}

void strikes_openssl(void**) {
    void* memory = nullptr;
    {
        const FailingAllocation failing(1, FailureMode::once);
        memory = OPENSSL_malloc(10);
    }
    assert_null(memory);
}

void strikes_the_nth_only(void**) {
    int made = 0;
    {
        const FailingAllocation failing(2, FailureMode::once);
        for (int i = 0; i < 4; ++i) {
            const std::unique_ptr<int> value(new (std::nothrow) int);
            made += value != nullptr;
        }
    }
    assert_int_equal(made, 3);
}

void walks_every_allocation(void**) {
    int runs = 0;
    int completed = 0;
    for_each_failing_allocation([&] {
        ++runs;
        const auto first = std::make_unique<int>(1);
        const auto second = std::make_unique<int>(2);
        ++completed;
    });
    // One warm-up, then in each mode two failing runs and a clean one.
    assert_int_equal(runs, 7);
    assert_int_equal(completed, 3);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(strikes_operator_new),   cmocka_unit_test(strikes_jansson),
        cmocka_unit_test(strikes_openssl),        cmocka_unit_test(strikes_the_nth_only),
        cmocka_unit_test(walks_every_allocation),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
