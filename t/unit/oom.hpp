#pragma once

#include <cstddef>
#include <initializer_list>
#include <new>

// Allocation failures on demand, so that every path after a failed allocation is walked.
// Covered are operator new in all its forms, jansson's allocator and OpenSSL's. Parsing a JSON text
// and each call of PCRE2 and hiredis that allocates count as one allocation each; support/oom.cpp
// says why.

namespace gatehouse::test {

// How often an armed failure strikes.
enum class FailureMode {
    once,     // the N-th allocation fails, later ones succeed
    forever,  // the N-th and every later one fails
};

// Lets the N-th allocation from now on (1 is the next one) fail while it lives.
// One at a time; for the thread that runs the test, there is no other.
class FailingAllocation {
  public:
    FailingAllocation(std::size_t nth, FailureMode mode) noexcept;
    ~FailingAllocation();
    FailingAllocation(const FailingAllocation&) = delete;
    FailingAllocation& operator=(const FailingAllocation&) = delete;

    // Whether any allocation has been refused so far.
    [[nodiscard]] bool struck() const noexcept;
};

// More allocations than any test body makes: reaching it means that the body does not end.
inline constexpr std::size_t kMaxAllocations = 200'000;

// Reports a body that never runs without a failure, and aborts.
[[noreturn]] void report_endless_body();

// Runs `body` once untouched, so that what libraries allocate on first use is out of the way,
// then with the first, second, third ... allocation failing, until a run meets no failure;
// all that in both failure modes.
//
// The body must either succeed or report an error by its own means; std::bad_alloc counts as
// a report. Leaks are the business of LeakSanitizer, crashes and misuse that of the other
// sanitizers. The body is called often: it must not depend on an earlier call. It should
// keep its verdict and assert after this returns, because cmocka's assertions longjmp().
template <class F>
void for_each_failing_allocation(F&& body) {
    body();
    for (FailureMode mode : {FailureMode::once, FailureMode::forever}) {
        for (std::size_t nth = 1;; ++nth) {
            if (nth > kMaxAllocations) {
                report_endless_body();
            }
            const FailingAllocation failing(nth, mode);
            try {
                body();
            } catch (const std::bad_alloc&) {
                // The report of a failed operator new.
            }
            if (!failing.struck()) {
                break;
            }
        }
    }
}

}  // namespace gatehouse::test
