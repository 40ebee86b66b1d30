#include "redis/core/queue.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cmocka.hpp"
#include "oom.hpp"

namespace {

using namespace gatehouse;
using redis::Call;
using redis::CallPool;
using redis::Failure;
using redis::Queue;
using redis::Reply;
using redis::Type;

struct Recorder : redis::Waiter {
    void answered(const Reply& reply) noexcept override {
        answers.push_back(reply.integer);
        assert_false(waiting());
        if (then) {
            then();
        }
    }
    void failed(Failure failure) noexcept override {
        failures.push_back(failure);
        assert_false(waiting());
        if (then) {
            then();
        }
    }

    std::vector<std::int64_t> answers;
    std::vector<Failure> failures;
    std::function<void()> then;
};

void push(CallPool& pool, Queue& queue, redis::Waiter* waiter) {
    CallPool::Handle call = pool.take();
    call->command = redis::Command{"PING"};
    call->attach(waiter);
    queue.push(std::move(call));
}

void answer_next(Queue& queue, std::int64_t number) {
    answer(queue.pop(),
           Reply{.type = Type::integer, .integer = number, .text = {}, .elements = {}});
}

void test_order(void**) {
    CallPool pool;
    Queue queue(pool);
    Recorder first;
    Recorder second;
    push(pool, queue, &first);
    push(pool, queue, nullptr);
    push(pool, queue, &second);
    assert_int_equal(queue.size(), 3);
    assert_true(first.waiting());
    for (std::int64_t number = 1; number <= 3; ++number) {
        answer_next(queue, number);
    }
    assert_true(queue.empty());
    assert_int_equal(queue.size(), 0);
    assert_true(first.answers == std::vector<std::int64_t>{1});
    assert_true(second.answers == std::vector<std::int64_t>{3});
}

// The answer to a call whose waiter has gone is nobody else's.
void test_tombstones(void**) {
    CallPool pool;
    Queue queue(pool);
    auto gone = std::make_unique<Recorder>();
    Recorder forgetful;
    Recorder patient;
    push(pool, queue, gone.get());
    push(pool, queue, &forgetful);
    push(pool, queue, &patient);
    gone.reset();
    forgetful.forget();
    assert_false(forgetful.waiting());
    forgetful.forget();
    for (std::int64_t number = 1; number <= 3; ++number) {
        answer_next(queue, number);
    }
    assert_true(forgetful.answers.empty() && forgetful.failures.empty());
    assert_true(patient.answers == std::vector<std::int64_t>{3});
}

void test_failing(void**) {
    CallPool pool;
    Queue queue(pool);
    Recorder head;
    Recorder tail;
    push(pool, queue, &head);
    push(pool, queue, &tail);
    queue.fail(Failure::timeout, Failure::lost);
    assert_true(queue.empty());
    assert_true(head.failures == std::vector{Failure::timeout});
    assert_true(tail.failures == std::vector{Failure::lost});
}

// Ends its victims, of which it may be one itself.
struct Ending : redis::Waiter {
    void answered(const Reply&) noexcept override {}
    void failed(Failure) noexcept override {
        const auto all = std::move(victims);
        for (std::unique_ptr<redis::Waiter>* victim : all) {
            victim->reset();
        }
    }
    std::vector<std::unique_ptr<redis::Waiter>*> victims;
};

// A client's connection ends inside one of its requests, and all the others with it.
void test_waiters_end_inside_a_callback(void**) {
    CallPool pool;
    Queue queue(pool);
    auto ending = std::make_unique<Ending>();
    Ending& first = *ending;
    std::unique_ptr<redis::Waiter> itself = std::move(ending);
    std::unique_ptr<redis::Waiter> second = std::make_unique<Recorder>();
    std::unique_ptr<redis::Waiter> third = std::make_unique<Recorder>();
    Recorder last;
    first.victims = {&third, &second, &itself};
    push(pool, queue, itself.get());
    push(pool, queue, second.get());
    push(pool, queue, third.get());
    push(pool, queue, &last);
    queue.fail(Failure::timeout, Failure::lost);
    assert_null(itself.get());
    assert_null(third.get());
    assert_true(queue.empty());
    assert_true(last.failures == std::vector{Failure::lost});
}

// As a connection does that is given up: the queue is moved away, and new calls go to the empty
// one.
void test_calls_from_inside_a_callback(void**) {
    CallPool pool;
    Queue queue(pool);
    Recorder again;
    Recorder other;
    push(pool, queue, &again);
    push(pool, queue, &other);
    again.then = [&] {
        if (again.failures.size() == 1) {
            push(pool, queue, &again);
        }
    };
    Queue old(std::move(queue));
    assert_true(queue.empty());
    assert_int_equal(old.size(), 2);
    old.fail(Failure::lost, Failure::lost);
    assert_int_equal(again.failures.size(), 1);
    assert_int_equal(queue.size(), 1);
    assert_true(again.waiting());
    answer_next(queue, 7);
    assert_true(again.answers == std::vector<std::int64_t>{7});
}

void test_a_queue_that_goes_tells_nobody(void**) {
    CallPool pool;
    Recorder waiter;
    {
        Queue queue(pool);
        push(pool, queue, &waiter);
    }
    assert_false(waiter.waiting());
    assert_true(waiter.answers.empty() && waiter.failures.empty());
}

void test_calls_are_used_again(void**) {
    CallPool pool;
    Queue queue(pool);
    Recorder waiter;
    const Call* used = nullptr;
    {
        CallPool::Handle call = pool.take();
        used = call.get();
        call->command = redis::Command{"GET", "secret"};
        call->eval = "secret";
        call->redirects = 2;
        call->probe = true;
        call->attach(&waiter);
    }
    assert_false(waiter.waiting());
    const CallPool::Handle again = pool.take();
    assert_ptr_equal(again.get(), used);
    assert_false(again->command.has_value());
    assert_true(again->eval.empty());
    assert_int_equal(again->redirects, 0);
    assert_false(again->probe);
}

// After a burst no more memory is kept than for the calls of a busy turn.
void test_pool_is_bounded(void**) {
    CallPool pool;
    Queue queue(pool);
    for (int i = 0; i < 5000; ++i) {
        push(pool, queue, nullptr);
    }
    queue.fail(Failure::lost, Failure::lost);
    assert_int_equal(pool.idle(), CallPool::kKept);
}

void test_no_memory(void**) {
    bool held = true;
    test::for_each_failing_allocation([&held] {
        CallPool pool;
        Queue queue(pool);
        Recorder waiter;
        try {
            push(pool, queue, &waiter);
            held = held && queue.size() == 1 && waiter.waiting();
        } catch (const std::bad_alloc&) {
            held = held && queue.empty() && !waiter.waiting();
            throw;
        }
    });
    assert_true(held);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_tombstones),
        cmocka_unit_test(test_failing),
        cmocka_unit_test(test_waiters_end_inside_a_callback),
        cmocka_unit_test(test_calls_from_inside_a_callback),
        cmocka_unit_test(test_a_queue_that_goes_tells_nobody),
        cmocka_unit_test(test_calls_are_used_again),
        cmocka_unit_test(test_pool_is_bounded),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
