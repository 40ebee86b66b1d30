#include <limits>
#include <string>

#include "expect.hpp"
#include "shm/table.hpp"

// Slots that are read and dated without a mark, by who keeps their payloads true by other means.

namespace {

using namespace gatehouse::test;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

void a_slot_is_found_expired_or_not_and_not_marked(void**) {
    const Bytes bytes(bytes_of(16));
    SlotTable table = formatted(bytes);
    assert_false(table.index_of(key(1)).has_value());
    const auto made = put(table, key(1), kNow, 7);
    const auto index = table.index_of(key(1));
    assert_true(index.has_value());
    assert_int_equal(*index, made.index);
    assert_true(table.payload_at(*index).data() == made.payload.data());
    assert_true(table.entry(*index)->key == key(1));

    fill(table.payload_at(*index), 8);
    table.set_expiry(*index, kLater);
    assert_int_equal(table.expiry_at(*index), kLater);
    put(table, key(2), kLater);  // repairs what is marked
    assert_true(holds(table, key(1), 8));
    const auto again = table.obtain(key(1), kNow);
    assert_int_equal(again.index, *index);
    table.done(again.payload, kLater);
}

void what_is_being_made_is_not_there_yet(void**) {
    const Bytes bytes(bytes_of(16));
    SlotTable table = formatted(bytes);
    const auto found = table.obtain_if_room(key(1), kNow);
    assert_true(found && found->fresh && !found->replaced);
    assert_false(table.index_of(key(1)).has_value());
    table.done(found->payload, kLater);
    assert_int_equal(table.index_of(key(1)).value_or(99), found->index);
}

void nobody_who_has_not_expired_makes_way(void**) {
    const Bytes bytes(bytes_of(SlotTable::kWindow));
    SlotTable table = formatted(bytes);
    for (std::uint64_t i = 0; i < SlotTable::kWindow; ++i) {
        assert_false(put(table, key(i), kNever).replaced);
    }
    assert_false(table.obtain_if_room(key(100), kNever - 1).has_value());
    assert_int_equal(table.live(kNever - 1), SlotTable::kWindow);  // nor is there a mark
    const auto known = table.obtain_if_room(key(3), kNow);
    assert_true(known && !known->fresh && all(known->payload, std::byte{1}));
    table.done(known->payload, kNever);

    table.set_expiry(*table.index_of(key(5)), kNow + 1);
    table.set_expiry(*table.index_of(key(9)), kNow);
    for (const std::uint64_t name : {100, 101}) {
        const auto found = table.obtain_if_room(key(name), kNever - 1);
        expect(found && found->fresh && found->replaced && !found->evicted, std::to_string(name),
               "an expired one makes way");
        table.done(found->payload, kNever);
    }
    assert_true(!table.index_of(key(5)) && !table.index_of(key(9)));
    assert_false(table.obtain_if_room(key(200), kNever - 1).has_value());
    const auto forced = table.obtain(key(200), kNow);
    assert_true(forced.evicted && forced.replaced);
    table.done(forced.payload, kNever);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_is_found_expired_or_not_and_not_marked),
        cmocka_unit_test(what_is_being_made_is_not_there_yet),
        cmocka_unit_test(nobody_who_has_not_expired_makes_way),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
