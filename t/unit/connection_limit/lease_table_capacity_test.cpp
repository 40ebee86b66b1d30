#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "connection_limit/leases.hpp"
#include "connection_limit/processes.hpp"

// How much fits, what happens when it does not, and that cost does not depend on it.

namespace {

using namespace gatehouse::test;

constexpr std::size_t kMegabyte = std::size_t{1} << 20;
constexpr std::size_t kUsable = kMegabyte - 128;  // without a zone's header

void a_megabyte_holds_what_is_promised(void**) {
    static_assert(36 + 2 * 8 <= 64, "bytes of a key and its leases");
    for (const std::size_t megabytes : {1U, 4U, 16U}) {
        const std::string row = std::to_string(megabytes) + " MB";
        const Bytes bytes(megabytes * kMegabyte - 128);
        LeaseTable table = lease_table(bytes.span());
        const std::size_t owner = table.enroll(process(1));
        std::uint64_t live = 0;
        while (table
                   .take({live << 32 | (live * 0x9e3779b1 & 0xffffffff), live * 0x9e3779b97f4a7c15},
                         owner, 1, kNow)
                   .outcome == Outcome::held) {
            ++live;
        }
        print_message("%s: %zu keys, %zu leases; %zu keys with a lease before the first refusal\n",
                      row.c_str(), table.keys(), table.leases(), static_cast<std::size_t>(live));
        expect(live >= megabytes * 12'000, row, "keys that hold a lease");
        expect(table.keys() >= megabytes * 19'700, row, "keys");
        expect(table.leases() >= megabytes * 39'400, row, "leases");
    }
}

void idle_keys_make_way_and_live_ones_never(void**) {
    const Bytes bytes(lease_bytes_of(16));
    LeaseTable table = lease_table(bytes.span());
    const std::size_t owner = table.enroll(process(1));
    std::vector<std::uint64_t> order(16);
    for (std::uint64_t i = 0; i < order.size(); ++i) {
        order[i] = i;
    }
    std::shuffle(order.begin(), order.end(), std::mt19937_64(7));
    std::vector<std::uint32_t> leases;
    for (std::uint64_t i = 0; i < 16; ++i) {
        leases.push_back(hold(table, key(i), owner));
    }
    assert_true(table.take(key(100), owner, 1, kNow).outcome == Outcome::full);
    for (std::size_t i = 0; i < 8; ++i) {  // later than any `now` that take() is told
        table.release(leases[order[i]], owner, kNow + 50 + static_cast<std::int64_t>(i));
    }
    for (std::size_t i = 0; i < 8; ++i) {
        const auto taken = table.take(key(100 + i), owner, 1, kNow);
        expect(taken.outcome == Outcome::held && taken.evicted, std::to_string(i), "makes way");
        for (std::size_t j = 8; j < 16; ++j) {
            expect(table.count(key(order[j])) == 1, std::to_string(i), "never a live one");
        }
    }
    const auto full = table.take(key(200), owner, 1, kNow);
    assert_true(full.outcome == Outcome::full && !full.evicted);
    assert_true(table.take(key(100), owner, 2, kNow).outcome == Outcome::held);
    assert_int_equal(table.held(), 17);
}

Hash128 spread(std::uint64_t number) {
    const std::uint64_t mixed = number * 0x9e3779b97f4a7c15;
    return {mixed, (mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9};
}

// More keys than there is room for, twice: live ones are refused room, then idle ones make it.
void a_million_keys_come_and_go(void**) {
    constexpr std::uint64_t kKeys = 1'000'000;
    const Bytes bytes(40 * kMegabyte);
    LeaseTable table = lease_table(bytes.span());
    const std::size_t owner = table.enroll(process(1));
    std::vector<std::uint32_t> leases;
    std::size_t full = 0;
    for (std::uint64_t i = 0; i < kKeys; ++i) {
        const auto taken = table.take(spread(i), owner, 1, kNow);
        assert_false(taken.evicted);
        if (taken.outcome == Outcome::held) {
            leases.push_back(taken.lease);
        } else {
            assert_true(taken.outcome == Outcome::full);
            ++full;
        }
    }
    assert_int_equal(table.held(), leases.size());
    assert_true(full > 0 && leases.size() > table.keys() * 9 / 10);
    for (const std::uint32_t lease : leases) {
        table.release(lease, owner, kNow + 1);
    }
    assert_int_equal(table.held(), 0);
    std::size_t evicted = 0;
    for (std::uint64_t i = kKeys; i < 2 * kKeys; ++i) {
        const auto taken = table.take(spread(i), owner, 1, kNow + 2);
        assert_true(taken.outcome == Outcome::held);
        evicted += taken.evicted;
        table.release(taken.lease, owner, kNow + 3);
    }
    assert_true(evicted > kKeys / 2);
}

void an_idle_key_is_found_again(void**) {
    const Bytes bytes(lease_bytes_of(16));
    LeaseTable table = lease_table(bytes.span());
    const std::size_t owner = table.enroll(process(1));
    std::vector<std::uint32_t> leases;
    for (std::uint64_t i = 0; i < 16; ++i) {
        leases.push_back(hold(table, key(i), owner));
    }
    for (const std::uint32_t lease : leases) {
        table.release(lease, owner, kNow + lease);
    }
    // Key 0 was the first to be idle, but is busy again.
    const auto again = table.take(key(0), owner, 1, kNow);
    assert_true(again.outcome == Outcome::held && !again.evicted);
    for (std::uint64_t i = 0; i < 15; ++i) {
        expect(table.take(key(100 + i), owner, 1, kNow).evicted, std::to_string(i), "makes way");
    }
    assert_int_equal(table.count(key(0)), 1);
    assert_true(table.take(key(200), owner, 1, kNow).outcome == Outcome::full);
}

void when_leases_run_out_the_table_is_full(void**) {
    const Bytes bytes(lease_bytes_of(16));
    LeaseTable table = lease_table(bytes.span());
    const std::size_t owner = table.enroll(process(1));
    for (std::size_t i = 0; i < table.leases(); ++i) {
        hold(table, key(1), owner);
    }
    assert_true(table.take(key(1), owner, kUnlimited, kNow).outcome == Outcome::full);
    assert_true(table.take(key(1), owner, 32, kNow).outcome == Outcome::refused);
    assert_true(table.take(key(2), owner, 5, kNow).outcome == Outcome::full);
    table.release(17, owner, kNow);
    assert_int_equal(table.take(key(2), owner, 5, kNow).lease, 17);
}

// Instructions of one process, which are the same on every machine.
std::size_t instructions(LeaseTable& table, std::size_t owner, std::uint64_t number) {
    const Hash128 name = key(number);
    SteppedChild child([] {},
                       [&] {
                           const auto taken = table.take(name, owner, kUnlimited, kNow);
                           table.release(taken.lease, owner, kNow);
                       });
    std::size_t steps = 0;
    while (child.step()) {
        ++steps;
    }
    return steps;
}

void cost_does_not_grow_with_what_is_held(void**) {
    constexpr std::size_t kPercents[] = {1, 25, 50, 70};
    const SharedBytes bytes(kUsable);
    LeaseTable table = lease_table(bytes.span());
    const std::size_t owner = table.enroll(process(1));
    std::uint64_t next = 0;
    std::vector<std::size_t> known, fresh;
    for (const std::size_t percent : kPercents) {
        while (next < table.keys() * percent / 100) {
            table.take(key(next++), owner, 1, kNow);
        }
        known.push_back(0);
        fresh.push_back(0);
        for (std::uint64_t i = 0; i < 5; ++i) {
            known.back() = std::max(known.back(), instructions(table, owner, next * i / 5));
            fresh.back() = std::max(fresh.back(), instructions(table, owner, 1'000'000 + next + i));
        }
        print_message("%zu %%: at most %zu instructions for a known key, %zu for a new one\n",
                      percent, known.back(), fresh.back());
    }
    for (std::size_t i = 1; i < known.size(); ++i) {
        const std::string row = std::to_string(kPercents[i]) + " %";
        // A search is of 16 tags, whatever is there; which of them it is makes the difference.
        expect(known[i] <= 2 * known[0], row, "a known key");
        expect(fresh[i] <= 2 * fresh[0], row, "a new key");
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_megabyte_holds_what_is_promised),
        cmocka_unit_test(idle_keys_make_way_and_live_ones_never),
        cmocka_unit_test(a_million_keys_come_and_go),
        cmocka_unit_test(an_idle_key_is_found_again),
        cmocka_unit_test(when_leases_run_out_the_table_is_full),
        cmocka_unit_test(cost_does_not_grow_with_what_is_held),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
