#include <algorithm>
#include <cstring>
#include <map>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "connection_limit/leases.hpp"
#include "connection_limit/processes.hpp"

// A process is killed after a single instruction of an operation, whichever: what is left must be
// the leases of the others, exactly, and a table that works in every respect.
//
// What a kill leaves behind is the bytes as they are at that moment. So they are looked at after
// each instruction, and every state that they are ever in is judged; and processes are really
// killed in these states and at moments in between.

namespace {

using namespace gatehouse::test;

// Each step costs two switches of context, and each kill all the steps before it.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kOneChangeIn = 16, kOtherMoments = 1;
#else
constexpr std::size_t kOneChangeIn = 1, kOtherMoments = 3;
#endif

constexpr std::uint64_t kShared = 0, kVictims = 6, kIdle = 7, kNew = 100;
constexpr std::size_t kKeys = 16;
constexpr std::size_t kLeases = 2 * kKeys;
constexpr std::size_t kTableBytes = lease_bytes_of(kKeys);

// What the victim, the other process and the test itself know.
struct Scene {
    std::size_t living = 0;
    std::size_t victim = 0;
    std::map<std::uint64_t, std::vector<std::uint32_t>> of_living, of_victim;  // by key
};

void take(LeaseTable& table, Scene& scene, std::uint64_t number, bool living) {
    const std::uint32_t lease = hold(table, key(number), living ? scene.living : scene.victim);
    (living ? scene.of_living : scene.of_victim)[number].push_back(lease);
}

// Made beforehand: who is watched step by step has no time for it.
const std::vector<Hash128>& made_keys() {
    static const std::vector<Hash128> keys = [] {
        std::vector<Hash128> made;
        for (std::uint64_t number = 0; number <= kNew; ++number) {
            made.push_back(key(number));
        }
        return made;
    }();
    return keys;
}

// Keys of both, of one of them and of none; a list of free leases with holes in it.
Scene prepare(LeaseTable& table) {
    Scene scene;
    scene.living = table.enroll(process(1));
    scene.victim = table.enroll(process(2));
    const std::uint32_t passing = hold(table, key(kIdle), scene.living);
    for (const std::uint64_t number : {0, 1, 2, 3, 0}) {
        take(table, scene, number, true);
        take(table, scene, number, false);
    }
    const std::uint32_t also_passing = hold(table, key(8), scene.living);
    take(table, scene, kVictims, false);
    table.release(passing, scene.living, kNow);
    table.release(also_passing, scene.living, kNow + 1);
    return scene;
}

struct Case {
    const char* name;
    void (*before)(LeaseTable&, Scene&, std::span<std::byte>);
    void (*act)(LeaseTable&, const Scene&);
};

void nothing(LeaseTable&, Scene&, std::span<std::byte>) {}

void no_list(LeaseTable& table, Scene& scene, std::span<std::byte>) {
    take(table, scene, 1, true);
    take(table, scene, 1, true);
}

void all_slots_taken(LeaseTable& table, Scene& scene, std::span<std::byte>) {
    for (std::uint64_t number = 10; number < 20; ++number) {
        table.release(hold(table, key(number), scene.living), scene.living, kNow + 2);
    }
}

// As a process leaves them that was killed.
void half_changed(LeaseTable&, Scene&, std::span<std::byte> bytes) { bytes[16] = std::byte{1}; }
void half_made_key(LeaseTable&, Scene&, std::span<std::byte> bytes) {
    auto keys = gatehouse::shm::SlotTable::attach(bytes.subspan(kBeforeLeases + kLeases * 8), 8);
    assert_true(keys.has_value());
    keys->obtain(key(kNew), kNow);
}

template <std::uint64_t Number>
void take_one(LeaseTable& table, const Scene& scene) {
    table.take(made_keys()[Number], scene.victim, kUnlimited, kNow + 3);
}
template <std::uint64_t Number>
void release_one(LeaseTable& table, const Scene& scene) {
    table.release(scene.of_victim.at(Number).front(), scene.victim, kNow + 3);
}
void reclaim(LeaseTable& table, const Scene& scene) { table.reclaim(scene.victim); }
void enroll(LeaseTable& table, const Scene&) { table.enroll(process(3)); }

constexpr Case kCases[] = {
    {"a new key", nothing, take_one<kNew>},
    {"a new key in the place of an idle one", all_slots_taken, take_one<kNew>},
    {"a known key", nothing, take_one<kShared>},
    {"an idle key", nothing, take_one<kIdle>},
    {"a lease that was never used", no_list, take_one<kShared>},
    {"one of several goes", nothing, release_one<kShared>},
    {"the last one goes", nothing, release_one<kVictims>},
    {"all of an owner go", nothing, reclaim},
    {"a process comes", nothing, enroll},
    {"after a death in a change", half_changed, take_one<kShared>},
    {"release after a death in a change", half_changed, release_one<kVictims>},
    {"after a death while a key was made", half_made_key, take_one<kNew>},
    {"an idle key after such a death", half_made_key, take_one<kIdle>},
};

void expect_counts(const LeaseTable& table, const Scene& scene, const char* row) {
    std::size_t held = 0;
    for (std::uint64_t number = 0; number < 20; ++number) {
        const auto leases = scene.of_living.find(number);
        const std::size_t expected = leases == scene.of_living.end() ? 0 : leases->second.size();
        expect(table.count(key(number)) == expected, row, "the leases of the living");
        held += expected;
    }
    expect(table.count(key(kNew)) == 0 && table.held() == held, row, "and none besides");
}

// Every lease can be had and given back, and then every key.
void expect_complete(LeaseTable& table, Scene& scene, const char* row) {
    std::set<std::uint32_t> leases;
    for (const auto& [number, held] : scene.of_living) {
        leases.insert(held.begin(), held.end());
    }
    while (leases.size() < kLeases) {
        const auto taken = table.take(key(kShared), scene.living, kUnlimited, kNow + 4);
        expect(taken.outcome == Outcome::held, row, "a lease is left");
        expect(leases.insert(taken.lease).second, row, "a lease of nobody");
    }
    expect(table.take(key(kShared), scene.living, kUnlimited, kNow).outcome == Outcome::full, row,
           "no more than there are");
    for (const std::uint32_t lease : leases) {
        table.release(lease, scene.living, kNow + 5);
    }
    expect(table.held() == 0, row, "all are back");
    for (std::uint64_t i = 0; i < kKeys; ++i) {
        hold(table, key(1000 + i), scene.living, kNow + 6);
    }
    for (std::uint64_t i = 0; i < kKeys; ++i) {
        expect(table.count(key(1000 + i)) == 1, row, "room for every key");
    }
}

// What the next one finds. `early`: something else happens before the victim's end is noticed.
void expect_recovery(std::span<std::byte> bytes, Scene scene, bool early, const char* row) {
    auto table = LeaseTable::attach(bytes);
    expect(table.has_value(), row, "a table");
    if (early) {
        for (const auto& [number, leases] : scene.of_living) {
            expect(table->count(key(number)) >= leases.size(), row, "not too few");
        }
        take(*table, scene, 2, true);
        table->release(scene.of_living[kShared].back(), scene.living, kNow + 4);
        scene.of_living[kShared].pop_back();
    }
    for (std::size_t owner = 0; owner < 4; ++owner) {
        if (owner != scene.living) {
            table->reclaim(owner);
        }
    }
    expect_counts(*table, scene, row);
    expect_complete(*table, scene, row);
}

struct Stage {
    SharedBytes memory{4096 + kTableBytes};
    PidLock& lock = *new (memory.span().data()) PidLock;
    std::span<std::byte> bytes = memory.span().subspan(4096);

    Scene set(const Case& scenario) {
        LeaseTable table = lease_table(bytes);
        Scene scene = prepare(table);
        scenario.before(table, scene, bytes);
        return scene;
    }
    SteppedChild victim(const Case& scenario, const Scene& scene) {
        return {[&] { lock.lock(); },
                [&] {
                    auto table = LeaseTable::attach(bytes);
                    scenario.act(*table, scene);
                    lock.unlock();
                }};
    }
};

// After which instructions the bytes were others than before; all that they were are judged.
std::vector<std::size_t> judge_all_states(Stage& stage, const Case& scenario, std::size_t& steps) {
    const Scene scene = stage.set(scenario);
    std::vector<std::byte> last(stage.bytes.begin(), stage.bytes.end());
    std::vector<std::size_t> changes;
    const Bytes copy(kTableBytes);
    SteppedChild child = stage.victim(scenario, scene);
    for (steps = 1; child.step(); ++steps) {
        if (std::equal(last.begin(), last.end(), stage.bytes.begin())) {
            continue;
        }
        last.assign(stage.bytes.begin(), stage.bytes.end());
        changes.push_back(steps);
        for (const bool early : {false, true}) {
            std::copy(last.begin(), last.end(), copy.span().begin());
            expect_recovery(copy.span(), scene, early, scenario.name);
        }
    }
    return changes;
}

// Whether it held the lock.
bool kill_after(Stage& stage, const Case& scenario, std::size_t steps) {
    const Scene scene = stage.set(scenario);
    SteppedChild child = stage.victim(scenario, scene);
    for (std::size_t i = 0; i < steps && child.step(); ++i) {
    }
    child.kill();
    const bool held = stage.lock.force_unlock(child.pid());
    stage.lock.lock();
    expect_recovery(stage.bytes, scene, steps % 2 == 0, scenario.name);
    stage.lock.unlock();
    return held;
}

void survives_a_kill_after_any_instruction(void**) {
    Stage stage;
    made_keys();
    for (const Case& scenario : kCases) {
        std::size_t steps = 0;
        const std::vector<std::size_t> changes = judge_all_states(stage, scenario, steps);
        expect(changes.size() >= 2, scenario.name, "it was seen at work");
        std::vector<std::size_t> moments{steps};
        for (std::size_t i = 0; i < changes.size(); i += kOneChangeIn) {
            moments.push_back(changes[i]);
        }
        for (std::size_t i = 0; i < kOtherMoments; ++i) {
            moments.push_back(steps * i / kOtherMoments);
        }
        std::size_t holders = 0;
        for (const std::size_t moment : moments) {
            holders += kill_after(stage, scenario, moment);
        }
        expect(holders > 0 && holders < moments.size(), scenario.name, "with the lock and without");
        print_message("%-40s %5zu instructions, %3zu states, %3zu kills, %3zu in the lock\n",
                      scenario.name, steps, changes.size(), moments.size(), holders);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {cmocka_unit_test(survives_a_kill_after_any_instruction)};
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
