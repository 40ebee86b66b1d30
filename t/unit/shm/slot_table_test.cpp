#include "shm/slot_table.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "expect.hpp"
#include "oom.hpp"
#include "shm/shared.hpp"

namespace {

using namespace gatehouse::test;
using gatehouse::base::Hash128;
using gatehouse::shm::SlotTable;

constexpr std::size_t kPayload = 24;
constexpr std::int64_t kNow = 1'000'000;
constexpr std::int64_t kLater = 2'000'000;

std::size_t bytes_of(std::size_t slots, std::size_t payload = kPayload) {
    return 64 + slots * SlotTable::slot_bytes(payload);
}

SlotTable formatted(const Bytes& bytes, std::size_t payload = kPayload) {
    const auto table = SlotTable::format(bytes.span(), payload);
    assert_true(table.has_value());
    return *table;
}

Hash128 key(std::uint64_t number) {
    std::mt19937_64 random(number);
    return {random(), random()};
}

bool all(std::span<const std::byte> bytes, std::byte value) {
    return std::all_of(bytes.begin(), bytes.end(), [&](std::byte b) { return b == value; });
}

void fill(std::span<std::byte> bytes, unsigned char value) {
    std::fill(bytes.begin(), bytes.end(), std::byte{value});
}

// Obtains, fills and releases; what obtain() said.
SlotTable::Found put(SlotTable& table, const Hash128& name, std::int64_t expires,
                     unsigned char value = 1) {
    const auto found = table.obtain(name, kNow);
    fill(found.payload, value);
    table.done(found.payload, expires);
    return found;
}

// Whether the table has the key and, as its payload, this value; releases it.
bool holds(SlotTable& table, const Hash128& name, unsigned char value = 1,
           std::int64_t now = kNow) {
    const auto payload = table.find(name, now);
    const bool same = payload.size() == kPayload && all(payload, std::byte{value});
    if (!payload.empty()) {
        table.done(payload, kLater);
    }
    return same;
}

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

void forgets_the_slot_that_was_being_written_to(void**) {
    const Bytes bytes(bytes_of(16));
    SlotTable table = formatted(bytes);
    put(table, key(1), kLater, 1);
    put(table, key(2), kLater, 2);
    fill(table.obtain(key(2), kNow).payload, 0xee);  // and no done()

    auto other = SlotTable::attach(bytes.span(), kPayload);
    assert_true(other.has_value());
    assert_true(other->find(key(2), kNow).empty());
    assert_true(holds(*other, key(1), 1));
    const auto found = other->obtain(key(2), kNow);
    assert_true(found.fresh && all(found.payload, std::byte{0}));
    other->done(found.payload, kLater);

    // find() marks as well, and a new slot that was never finished is no key.
    fill(table.find(key(1), kNow), 0xee);
    table.obtain(key(3), kNow);
    assert_true(table.find(key(1), kNow).empty());
    assert_true(table.find(key(3), kNow).empty());
    assert_int_equal(table.live(kNow), 1);
}

void a_search_in_vain_leaves_no_mark(void**) {
    const Bytes bytes(bytes_of(16));
    SlotTable table = formatted(bytes);
    const auto found = table.obtain(key(1), kNow);
    table.done(found.payload, kLater);
    assert_true(table.find(key(2), kNow).empty());
    assert_true(table.find(key(1), kLater).empty());
    table.find(key(2), kNow);
    assert_int_equal(table.live(kNow), 1);
}

void done_is_about_the_slot_given_out(void**) {
    const Bytes bytes(bytes_of(16));
    SlotTable table = formatted(bytes);
    const auto stale = put(table, key(1), kLater, 1);
    table.done(stale.payload, kNow);  // nothing is being written to
    assert_true(holds(table, key(1), 1));
    const auto found = table.obtain(key(2), kNow);
    table.done(stale.payload, kNow);
    assert_true(holds(table, key(1), 1));  // and this repaired key 2:
    assert_true(table.find(key(2), kNow).empty());
    table.done(found.payload, kLater);
    assert_int_equal(table.live(kNow), 1);
}

void attaches_to_what_was_formatted(void**) {
    const Bytes bytes(bytes_of(32) + 100);
    SlotTable table = formatted(bytes);
    put(table, key(1), kLater, 5);
    auto other = SlotTable::attach(bytes.span(), kPayload);
    assert_true(other.has_value());
    assert_int_equal(other->capacity(), table.capacity());
    assert_true(holds(*other, key(1), 5));
}

void refuses_what_was_not(void**) {
    const Bytes bytes(bytes_of(32));
    const auto span = bytes.span();
    assert_false(SlotTable::attach(span, kPayload).has_value());
    formatted(bytes);
    assert_true(SlotTable::attach(span, kPayload).has_value());
    assert_false(SlotTable::attach(span, kPayload + 8).has_value());
    assert_false(SlotTable::attach(span, kPayload - 8).has_value());
    assert_false(SlotTable::attach(span.first(span.size() - 1), kPayload).has_value());
    for (const std::size_t size : {0U, 1U, 63U, 64U}) {
        expect(!SlotTable::attach(span.first(size), kPayload), std::to_string(size), "too short");
    }
    // Magic, version, payload, groups: one bit of each.
    for (const std::size_t octet : {0U, 7U, 8U, 11U, 12U, 15U, 16U, 19U}) {
        for (int bit = 0; bit < 8; ++bit) {
            const std::byte flip{static_cast<unsigned char>(1 << bit)};
            span[octet] ^= flip;
            // Fewer groups than fit are what an older, shorter span would have made.
            const auto table = SlotTable::attach(span, kPayload);
            expect(!table || (octet == 16 && table->capacity() < 32), std::to_string(octet),
                   "refused");
            span[octet] ^= flip;
        }
    }
}

void refuses_to_format_what_cannot_be_a_table(void**) {
    const Bytes bytes(bytes_of(SlotTable::kWindow) + 64);
    const auto span = bytes.span();
    const std::size_t least = bytes_of(SlotTable::kWindow);
    assert_true(SlotTable::format(span.first(least), kPayload).has_value());
    assert_false(SlotTable::format(span.first(least - 1), kPayload).has_value());
    assert_false(SlotTable::format(span.first(8), kPayload).has_value());
    assert_false(SlotTable::format({}, kPayload).has_value());
    assert_false(SlotTable::format(span.subspan(8), kPayload).has_value());
    assert_false(SlotTable::format(span, 0).has_value());
    assert_false(SlotTable::format(span, 12).has_value());
    constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
    for (const std::size_t payload : {kMost - 7, kMost / 2 + 1, std::size_t{1} << 32, kMost / 16}) {
        expect(!SlotTable::format(span, payload), std::to_string(payload), "too much");
    }
}

// The sanitizer is the judge.
void broken_bytes_lead_nowhere_outside(void**) {
    std::mt19937_64 random(17);
    for (int round = 0; round < 300; ++round) {
        const Bytes bytes(bytes_of(32));
        SlotTable table = formatted(bytes);
        std::vector<Hash128> names;
        for (int i = 0; i < 20; ++i) {
            names.push_back({random(), random()});
            put(table, names.back(), kLater);
        }
        const auto span = bytes.span();
        const std::size_t from = round % 3 == 0 ? 0 : round % 3 == 1 ? 20 : 64;
        for (std::byte& octet : span.subspan(from)) {
            if (round % 5 == 0 || random() % 8 == 0) {
                octet = static_cast<std::byte>(random());
            }
        }
        for (const Hash128& name : names) {
            const auto payload = table.find(name, kNow);
            fill(payload, 4);
            const auto found = table.obtain(name, kNow);
            assert_int_equal(found.payload.size(), kPayload);
            assert_true(found.payload.data() >= span.data() &&
                        found.payload.data() + kPayload <= span.data() + span.size());
            table.done(found.payload, kLater);
        }
        table.live(kNow);
    }
}

void two_processes_see_one_table(void**) {
    const SharedBytes bytes(1 << 16);
    auto table = SlotTable::format(bytes.span(), kPayload);
    assert_true(table.has_value());
    put(*table, key(1), kLater, 1);
    const int status = in_child([&] {
        auto own = SlotTable::attach(bytes.span(), kPayload);
        if (!own || !holds(*own, key(1), 1)) {
            _exit(1);
        }
        put(*own, key(2), kLater, 2);
    });
    assert_true(succeeded(status));
    assert_true(holds(*table, key(1), 1) && holds(*table, key(2), 2));
}

void survives_a_process_killed_while_writing(void**) {
    const SharedBytes bytes(1 << 16);
    auto table = SlotTable::format(bytes.span(), kPayload);
    assert_true(table.has_value());
    put(*table, key(1), kLater, 1);
    put(*table, key(2), kLater, 2);
    const int status = in_child([&] {
        auto own = SlotTable::attach(bytes.span(), kPayload);
        fill(own->obtain(key(2), kNow).payload.first(5), 0xee);
        raise(SIGKILL);
    });
    assert_true(killed(status));
    assert_true(holds(*table, key(1), 1));
    assert_true(table->find(key(2), kNow).empty());
    const auto found = table->obtain(key(2), kNow);
    assert_true(found.fresh && all(found.payload, std::byte{0}));
    table->done(found.payload, kLater);
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
        cmocka_unit_test(forgets_the_slot_that_was_being_written_to),
        cmocka_unit_test(a_search_in_vain_leaves_no_mark),
        cmocka_unit_test(done_is_about_the_slot_given_out),
        cmocka_unit_test(attaches_to_what_was_formatted),
        cmocka_unit_test(refuses_what_was_not),
        cmocka_unit_test(refuses_to_format_what_cannot_be_a_table),
        cmocka_unit_test(broken_bytes_lead_nowhere_outside),
        cmocka_unit_test(two_processes_see_one_table),
        cmocka_unit_test(survives_a_process_killed_while_writing),
        cmocka_unit_test(allocates_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
