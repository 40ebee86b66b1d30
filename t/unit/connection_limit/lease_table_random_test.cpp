#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "connection_limit/leases.hpp"

// Random operations of several owners against a list of what is held.

namespace {

using namespace gatehouse::test;

struct Held {
    std::uint64_t key;
    std::size_t owner;
    std::uint32_t lease;
};

struct World {
    World(std::span<std::byte> bytes, std::uint64_t seed)
        : table(lease_table(bytes)), random(seed) {}

    std::uint64_t below(std::uint64_t bound) { return random() % bound; }
    std::uint32_t count(std::uint64_t number) const {
        return static_cast<std::uint32_t>(std::count_if(
            held.begin(), held.end(), [&](const Held& lease) { return lease.key == number; }));
    }

    LeaseTable table;
    std::mt19937_64 random;
    std::vector<Held> held;
    std::map<std::uint32_t, std::size_t> owners;  // slot of a worker -> owner
    std::int32_t processes = 0;
    std::int64_t now = kNow;
};

void replace_process(World& world, std::uint32_t slot) {
    const auto dead = world.owners.find(slot);
    if (dead != world.owners.end()) {
        std::erase_if(world.held, [&](const Held& h) { return h.owner == dead->second; });
        world.table.reclaim(dead->second);
    }
    world.owners[slot] = world.table.enroll(process(++world.processes));
    assert_true(world.owners[slot] < LeaseTable::kMaxOwners);
}

void take(World& world, std::uint64_t number, std::uint32_t slot) {
    const std::uint32_t most = static_cast<std::uint32_t>(1 + world.below(6));
    const std::uint32_t before = world.count(number);
    const std::size_t owner = world.owners.at(slot);
    const auto taken = world.table.take(key(number), owner, most, world.now);
    if (before >= most) {
        assert_true(taken.outcome == Outcome::refused);
        assert_int_equal(taken.count, before);
        return;
    }
    assert_true(taken.outcome != Outcome::refused);
    if (taken.outcome == Outcome::full) {
        const bool no_lease = world.held.size() == world.table.leases();
        expect(no_lease || before == 0, std::to_string(number), "a known key needs but a lease");
        return;
    }
    assert_int_equal(taken.count, before + 1);
    const auto same = [&](const Held& h) { return h.lease == taken.lease; };
    assert_true(std::none_of(world.held.begin(), world.held.end(), same));
    world.held.push_back({number, owner, taken.lease});
}

void release(World& world) {
    if (world.held.empty()) {
        return;
    }
    const std::size_t which = world.below(world.held.size());
    const Held lease = world.held[which];
    if (world.below(10) == 0) {  // a stranger tries
        world.table.release(lease.lease, lease.owner + 1, world.now);
        return;
    }
    world.table.release(lease.lease, lease.owner, world.now);
    world.held.erase(world.held.begin() + static_cast<std::ptrdiff_t>(which));
}

// Keys: how many there are; fewer than fit, about as many, many more.
void agrees_with_the_list(std::size_t slots, std::uint64_t keys, std::uint64_t seed) {
    const Bytes bytes(lease_bytes_of(slots));
    World world(bytes.span(), seed);
    for (std::uint32_t slot = 0; slot < 5; ++slot) {
        replace_process(world, slot);
    }
    for (int step = 0; step < 20'000; ++step) {
        world.now += static_cast<std::int64_t>(world.below(3));
        const std::uint64_t number = world.below(keys);
        const auto slot = static_cast<std::uint32_t>(world.below(5));
        // Times of ebb and times of flood.
        const std::uint64_t taking = step / 2000 % 2 == 0 ? 60 : 40;
        const std::uint64_t dice = world.below(100);
        if (step % 1'000 == 999) {
            replace_process(world, slot);
        } else if (dice < taking) {
            take(world, number, slot);
        } else {
            release(world);
        }
        assert_int_equal(world.table.count(key(number)), world.count(number));
        assert_int_equal(world.table.held(), world.held.size());
        if (step % 500 == 0) {
            for (std::uint64_t i = 0; i < keys; ++i) {
                assert_int_equal(world.table.count(key(i)), world.count(i));
            }
        }
    }
}

void agrees_with_the_list_with_few_keys(void**) { agrees_with_the_list(64, 20, 1); }
void agrees_with_the_list_with_as_many_keys_as_fit(void**) { agrees_with_the_list(64, 64, 2); }
void agrees_with_the_list_with_more_keys_than_fit(void**) { agrees_with_the_list(32, 300, 3); }

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_list_with_few_keys),
        cmocka_unit_test(agrees_with_the_list_with_as_many_keys_as_fit),
        cmocka_unit_test(agrees_with_the_list_with_more_keys_than_fit),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
