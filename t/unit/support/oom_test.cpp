// The injector is trusted by every other test, so it is tested itself: each allocator and each
// wrapped function must be reached, and the count of runs must equal the count of allocations.

#define PCRE2_CODE_UNIT_WIDTH 8

#include "oom.hpp"

#include <jansson.h>
#include <openssl/crypto.h>
#include <pcre2.h>

#include <array>
#include <new>

#include "cmocka.hpp"

namespace {

using gatehouse::test::FailingAllocation;
using gatehouse::test::FailureMode;
using gatehouse::test::for_each_failing_allocation;

// Allocations that an optimizing compiler may not leave out, as it may those of new expressions.
class Block {
  public:
    Block() : memory_(::operator new(1)) {}
    explicit Block(const std::nothrow_t& tag) noexcept : memory_(::operator new(1, tag)) {}
    ~Block() { ::operator delete(memory_); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    bool made() const noexcept { return memory_ != nullptr; }

  private:
    void* memory_;
};

void strikes_operator_new(void**) {
    bool threw = false;
    bool refused = false;
    {
        const FailingAllocation failing(1, FailureMode::forever);
        try {
            const Block block;
        } catch (const std::bad_alloc&) {
            threw = true;
        }
        refused = !Block(std::nothrow).made();
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

// The whole text is parsed or nothing of it.
void strikes_json_parsing_as_one(void**) {
    std::array<bool, 3> parsed{};
    {
        const FailingAllocation failing(2, FailureMode::once);
        for (bool& each : parsed) {
            json_error_t error;
            json_t* value = json_loadb("[1,2,3]", 7, 0, &error);
            each = value != nullptr;
            json_decref(value);
        }
    }
    assert_true((parsed == std::array{true, false, true}));
}

int error_of_pcre2(std::size_t failing_call) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    const auto* const text = reinterpret_cast<PCRE2_SPTR>("a");
    const FailingAllocation failing(failing_call, FailureMode::once);
    pcre2_code* code = pcre2_compile(text, 1, 0, &error, &offset, nullptr);
    pcre2_match_data* data =
        code != nullptr ? pcre2_match_data_create_from_pattern(code, nullptr) : nullptr;
    pcre2_match_context* context = data != nullptr ? pcre2_match_context_create(nullptr) : nullptr;
    if (context != nullptr) {
        error = pcre2_match(code, text, 1, 0, 0, data, context);
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return error;
}

void strikes_pcre2(void**) {
    assert_int_equal(error_of_pcre2(1), PCRE2_ERROR_HEAP_FAILED);
    // What pcre2_compile() leaves when it succeeds, and nothing after it was called.
    assert_int_equal(error_of_pcre2(2), 100);
    assert_int_equal(error_of_pcre2(3), 100);
    assert_int_equal(error_of_pcre2(4), PCRE2_ERROR_NOMEMORY);
    assert_int_equal(error_of_pcre2(5), 1);
}

void strikes_the_nth_only(void**) {
    int made = 0;
    {
        const FailingAllocation failing(2, FailureMode::once);
        for (int i = 0; i < 4; ++i) {
            made += Block(std::nothrow).made() ? 1 : 0;
        }
    }
    assert_int_equal(made, 3);
}

void walks_every_allocation(void**) {
    int runs = 0;
    int completed = 0;
    for_each_failing_allocation([&] {
        ++runs;
        const Block first;
        const Block second;
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
        cmocka_unit_test(strikes_openssl),        cmocka_unit_test(strikes_json_parsing_as_one),
        cmocka_unit_test(strikes_pcre2),          cmocka_unit_test(strikes_the_nth_only),
        cmocka_unit_test(walks_every_allocation),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
