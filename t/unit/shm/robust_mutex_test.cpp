#include "shm/robust_mutex.hpp"

#include <atomic>
#include <new>

#include "shm/shared.hpp"

namespace {

using namespace gatehouse::test;
using gatehouse::shm::RobustMutex;

struct Stage {
    SharedBytes memory{4096};
    std::span<std::byte, RobustMutex::kBytes> bytes = memory.span().first<RobustMutex::kBytes>();
    std::atomic<int>& count = *new (memory.span().data() + 1024) std::atomic<int>(0);

    Stage() { assert_true(RobustMutex::format(bytes)); }
};

// Each adds by reading and writing, which loses some of the others' if they are let in.
void keeps_the_others_out(void**) {
    constexpr int kProcesses = 4, kRounds = 20'000;
    const Stage stage;
    for (int i = 0; i < kProcesses; ++i) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            RobustMutex mutex(stage.bytes);
            for (int round = 0; round < kRounds; ++round) {
                mutex.lock();
                stage.count.store(stage.count.load(std::memory_order_relaxed) + 1,
                                  std::memory_order_relaxed);
                mutex.unlock();
            }
            _exit(0);
        }
    }
    for (int i = 0; i < kProcesses; ++i) {
        int status = -1;
        assert_true(wait(&status) > 0);
        assert_true(succeeded(status));
    }
    assert_int_equal(stage.count, kProcesses * kRounds);
}

void outlives_whoever_holds_it(void**) {
    const Stage stage;
    for (int round = 0; round < 10; ++round) {
        assert_true(killed(in_child([&] {
            RobustMutex(stage.bytes).lock();
            kill(getpid(), SIGKILL);
        })));
    }
    RobustMutex mutex(stage.bytes);
    mutex.lock();
    mutex.unlock();
    mutex.lock();
    mutex.unlock();
}

// It is asleep by then, most likely, and the kernel wakes it.
void wakes_whoever_waits_for_the_dead(void**) {
    const Stage stage;
    const pid_t holder = fork();
    assert_true(holder >= 0);
    if (holder == 0) {
        RobustMutex(stage.bytes).lock();
        stage.count = 1;
        for (;;) {
            pause();
        }
    }
    while (stage.count == 0) {
        usleep(1000);
    }
    const pid_t waiting = fork();
    assert_true(waiting >= 0);
    if (waiting == 0) {
        stage.count = 2;
        RobustMutex(stage.bytes).lock();
        _exit(0);
    }
    while (stage.count == 1) {
        usleep(1000);
    }
    usleep(20'000);
    kill(holder, SIGKILL);
    int status = -1;
    assert_int_equal(waitpid(waiting, &status, 0), waiting);
    assert_true(succeeded(status));
    assert_int_equal(waitpid(holder, &status, 0), holder);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_others_out),
        cmocka_unit_test(outlives_whoever_holds_it),
        cmocka_unit_test(wakes_whoever_waits_for_the_dead),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
