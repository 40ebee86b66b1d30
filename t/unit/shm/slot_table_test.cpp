#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "expect.hpp"
#include "oom.hpp"
#include "shm/table.hpp"

namespace {

using namespace gatehouse::test;

void remembers_what_was_written(void**) {
    const Bytes bytes(bytes_of(16));
    SlotTable table = formatted(bytes);
    assert_int_equal(table.capacity(), 16);
    assert_int_equal(table.live(kNow), 0);

    const auto first = table.obtain(key(1), kNow);
    assert_true(first.fresh && !first.evicted);
    assert_int_equal(first.payload.size(), kPayload);
    assert_true(reinterpret_cast<std::uintptr_t>(first.payload.data()) % 8 == 0);
    assert_true(all(first.payload, std::byte{0}));
    fill(first.payload, 7);
    table.done(first.payload, kLater);

    const auto again = table.obtain(key(1), kNow);
    assert_true(!again.fresh && !again.evicted);
    assert_true(again.payload.data() == first.payload.data());
    assert_true(all(again.payload, std::byte{7}));
    table.done(again.payload, kLater);
    assert_int_equal(table.live(kNow), 1);
    assert_true(holds(table, key(1), 7));
    assert_true(table.find(key(2), kNow).empty());
}

void an_expired_key_is_forgotten(void**) {
    const Bytes bytes(bytes_of(16));
    SlotTable table = formatted(bytes);
    put(table, key(1), kLater, 9);
    assert_true(holds(table, key(1), 9, kLater - 1));
    assert_true(table.find(key(1), kLater).empty());
    assert_int_equal(table.live(kLater), 0);
    const auto found = table.obtain(key(1), kLater);
    assert_true(found.fresh && !found.evicted);
    assert_true(all(found.payload, std::byte{0}));
    table.done(found.payload, kLater + 1);
    assert_int_equal(table.live(kLater), 1);
}

// The smallest table is one window for all keys: who makes way is then certain.
void makes_way_in_the_order_of_expiry(void**) {
    const Bytes bytes(bytes_of(SlotTable::kWindow));
    SlotTable table = formatted(bytes);
    std::vector<std::uint64_t> order(SlotTable::kWindow);
    for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = i;
    }
    std::shuffle(order.begin(), order.end(), std::mt19937_64(3));
    for (const std::uint64_t i : order) {
        expect(!put(table, key(i), kLater + static_cast<std::int64_t>(i)).evicted,
               std::to_string(i), "there is room");
    }
    assert_int_equal(table.live(kNow), SlotTable::kWindow);
    for (std::uint64_t i = 0; i < SlotTable::kWindow; ++i) {
        expect(holds(table, key(i)), std::to_string(i), "still there");
        put(table, key(i), kLater + static_cast<std::int64_t>(i));
    }
    for (std::uint64_t i = 0; i < SlotTable::kWindow; ++i) {
        const auto found = put(table, key(100 + i), std::numeric_limits<std::int64_t>::max(), 2);
        expect(found.fresh && found.evicted, std::to_string(i), "takes a live key's slot");
        expect(table.find(key(i), kNow).empty(), std::to_string(i), "the first to expire is gone");
        if (i + 1 < SlotTable::kWindow) {
            expect(holds(table, key(i + 1)), std::to_string(i), "the next is not");
            put(table, key(i + 1), kLater + static_cast<std::int64_t>(i) + 1);
        }
    }
}

void takes_expired_slots_before_live_ones(void**) {
    const Bytes bytes(bytes_of(SlotTable::kWindow));
    SlotTable table = formatted(bytes);
    for (std::uint64_t i = 0; i < SlotTable::kWindow; ++i) {
        put(table, key(i), i % 2 == 0 ? kNow : kLater, 3);
    }
    assert_int_equal(table.live(kNow), SlotTable::kWindow / 2);
    for (std::uint64_t i = 0; i < SlotTable::kWindow / 2; ++i) {
        const auto found = table.obtain(key(100 + i), kNow);
        expect(found.fresh && !found.evicted, std::to_string(i), "nobody is lost");
        expect(all(found.payload, std::byte{0}), std::to_string(i), "nothing shines through");
        table.done(found.payload, kLater);
    }
    for (std::uint64_t i = 1; i < SlotTable::kWindow; i += 2) {
        expect(holds(table, key(i), 3), std::to_string(i), "untouched");
    }
    assert_true(put(table, key(200), kLater).evicted);
}

void keys_that_share_half_their_bits_are_different(void**) {
    const Bytes bytes(bytes_of(64));
    SlotTable table = formatted(bytes);
    constexpr std::uint64_t kOnes = std::numeric_limits<std::uint64_t>::max();
    // All-zero halves: tags are made of them, and a tag of 0 would be an empty slot.
    const std::array<Hash128, 6> names{
        {{0, 0}, {0, kOnes}, {kOnes, 0}, {kOnes, kOnes}, {kOnes << 32, 0}, {1, 0}}};
    for (std::size_t i = 0; i < names.size(); ++i) {
        expect(put(table, names[i], kLater, static_cast<unsigned char>(i)).fresh, std::to_string(i),
               "a key of its own");
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        expect(holds(table, names[i], static_cast<unsigned char>(i)), std::to_string(i), "kept");
    }
}

void is_seven_tenths_full_before_a_live_key_is_lost(void**) {
    std::mt19937_64 random(41);
    for (const std::size_t slots : {16U, 64U, 512U, 4096U, 65536U}) {
        const Bytes bytes(bytes_of(slots));
        SlotTable table = formatted(bytes);
        assert_int_equal(table.capacity(), slots);
        std::size_t keys = 0;
        while (!put(table, {random(), random()}, kLater).evicted) {
            ++keys;
        }
        assert_int_equal(table.live(kNow), keys);
        expect(10 * keys >= 7 * slots, std::to_string(slots), "at least 70 % full");
    }
}

void every_slot_can_be_reached_and_none_is_shared(void**) {
    constexpr std::size_t kSlots = 48;
    const Bytes bytes(bytes_of(kSlots));
    SlotTable table = formatted(bytes);
    std::uint64_t keys = 0;
    for (; keys < 5000 && table.live(kNow) < kSlots; ++keys) {
        put(table, key(keys), kLater, static_cast<unsigned char>(keys));
    }
    assert_int_equal(table.live(kNow), kSlots);
    std::size_t kept = 0;
    for (std::uint64_t i = 0; i < keys; ++i) {
        kept += holds(table, key(i), static_cast<unsigned char>(i));
    }
    assert_int_equal(kept, kSlots);
}

void allocates_nothing(void**) {
    const Bytes bytes(bytes_of(64));
    const FailingAllocation failing(1, FailureMode::forever);
    SlotTable table = formatted(bytes);
    for (std::uint64_t i = 0; i < 200; ++i) {
        put(table, {i << 32, i << 40}, kLater);
    }
    assert_false(failing.struck());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(remembers_what_was_written),
        cmocka_unit_test(an_expired_key_is_forgotten),
        cmocka_unit_test(makes_way_in_the_order_of_expiry),
        cmocka_unit_test(takes_expired_slots_before_live_ones),
        cmocka_unit_test(keys_that_share_half_their_bits_are_different),
        cmocka_unit_test(is_seven_tenths_full_before_a_live_key_is_lost),
        cmocka_unit_test(every_slot_can_be_reached_and_none_is_shared),
        cmocka_unit_test(allocates_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
