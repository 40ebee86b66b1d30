#include <array>
#include <atomic>
#include <new>
#include <random>
#include <string>

#include "connection_limit/leases.hpp"
#include "connection_limit/processes.hpp"

// Processes take and release as fast as they can and are killed whenever it happens, by dozens.
// What each of them holds it notes in shared bytes while it has the lock, so that whoever has the
// lock knows the truth.

namespace {

using namespace gatehouse::test;

constexpr std::size_t kWorkers = 4;
constexpr std::size_t kNames = 24;  // more than the table has slots
constexpr std::size_t kMostHeld = 12;
constexpr int kKills = 100;

struct Note {
    pid_t whose;
    std::array<std::uint32_t, kNames> held;
};

struct Shared {
    PidLock lock;
    std::atomic<std::uint64_t> operations;
    std::array<Note, kWorkers> notes;
};

struct Stage {
    SharedBytes memory{8192 + lease_bytes_of(16)};
    Shared& shared = *new (memory.span().data()) Shared{};
    std::span<std::byte> bytes = memory.span().subspan(8192);
    LeaseTable table = lease_table(bytes);
    std::array<Hash128, kNames> names{};
    std::array<pid_t, kWorkers> workers{};
};

struct Lease {
    std::size_t name;
    std::uint32_t lease;
};

[[noreturn]] void work(Stage& stage, std::size_t slot) {
    std::mt19937_64 random(static_cast<std::uint64_t>(getpid()));
    auto& [lock, operations, notes] = stage.shared;
    std::array<Lease, kMostHeld> held{};
    std::size_t count = 0;
    lock.lock();
    notes[slot] = {getpid(), {}};
    const std::size_t owner = stage.table.enroll(gatehouse::connection_limit::self());
    lock.unlock();
    for (;;) {
        lock.lock();
        if (count < kMostHeld && random() % 2 == 0) {
            const std::size_t name = random() % kNames;
            const auto taken = stage.table.take(stage.names[name], owner, 8, kNow);
            if (taken.outcome == Outcome::held) {
                held[count++] = {name, taken.lease};
                ++notes[slot].held[name];
            }
        } else if (count > 0) {
            std::swap(held[random() % count], held[count - 1]);
            stage.table.release(held[--count].lease, owner, kNow);
            --notes[slot].held[held[count].name];
        }
        operations.fetch_add(1);
        lock.unlock();
    }
}

void start(Stage& stage, std::size_t slot) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        work(stage, slot);
    }
    stage.workers[slot] = child;
}

// Whether it died with the lock. Its leases are left to whoever cares.
bool end(Stage& stage, std::size_t slot) {
    const pid_t worker = stage.workers[slot];
    kill(worker, SIGKILL);
    assert_int_equal(waitpid(worker, nullptr, 0), worker);
    return stage.shared.lock.force_unlock(worker);
}

// With the lock held. Reclaims as the timer of a worker does.
void reclaim_dead(Stage& stage) {
    for (std::size_t i = 0; i < LeaseTable::kMaxOwners; ++i) {
        const Owner owner = stage.table.owner(i);
        if (owner.pid != 0 && !gatehouse::connection_limit::is_alive(owner)) {
            stage.table.reclaim(i);
        }
    }
}

// Nor has a successor that has not come to its first turn yet any leases.
void forget_dead_notes(Stage& stage, std::size_t killed) {
    for (std::size_t slot = 0; slot < kWorkers; ++slot) {
        Note& note = stage.shared.notes[slot];
        if (slot == killed || note.whose != stage.workers[slot]) {
            note = {};
        }
    }
}

void expect_truth(const Stage& stage, const std::string& row) {
    std::size_t all = 0;
    for (std::size_t name = 0; name < kNames; ++name) {
        std::uint32_t expected = 0;
        for (const Note& note : stage.shared.notes) {
            expected += note.held[name];
        }
        expect(stage.table.count(stage.names[name]) == expected, row, "the count of a key");
        all += expected;
    }
    expect(stage.table.held() == all, row, "of all keys");
}

void counts_stay_true_whoever_dies(void**) {
    Stage stage;
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < kNames; ++i) {
        stage.names[i] = key(i);
    }
    for (std::size_t slot = 0; slot < kWorkers; ++slot) {
        start(stage, slot);
    }
    int in_the_lock = 0;
    for (int round = 0; round < kKills; ++round) {
        const std::uint64_t until = stage.shared.operations + 1 + random() % 200;
        while (stage.shared.operations < until) {
            sched_yield();
        }
        const std::size_t slot = random() % kWorkers;
        const bool with_lock = end(stage, slot);
        in_the_lock += with_lock;
        stage.shared.lock.lock();
        if (round % 2 == 0) {
            reclaim_dead(stage);
            forget_dead_notes(stage, slot);
            expect_truth(stage, std::to_string(round));
        }
        stage.shared.lock.unlock();
        start(stage, slot);
    }
    for (std::size_t slot = 0; slot < kWorkers; ++slot) {
        end(stage, slot);
    }
    reclaim_dead(stage);
    assert_int_equal(stage.table.held(), 0);
    print_message("%d killed, %d of them with the lock, after %zu operations\n", kKills,
                  in_the_lock, static_cast<std::size_t>(stage.shared.operations.load()));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {cmocka_unit_test(counts_stay_true_whoever_dies)};
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
