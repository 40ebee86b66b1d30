#include <set>

#include "shm/table.hpp"

namespace {

using namespace gatehouse::test;

void every_key_is_met_once(void**) {
    const Bytes bytes(bytes_of(64));
    SlotTable table = formatted(bytes);
    std::set<std::uint64_t> wanted;
    for (std::uint64_t i = 0; i < 40; ++i) {
        put(table, key(i), kLater + static_cast<std::int64_t>(i), static_cast<unsigned char>(i));
        wanted.insert(key(i).low);
    }
    for (std::size_t i = 0; i < table.capacity(); ++i) {
        const auto entry = table.entry(i);
        if (entry) {
            assert_int_equal(wanted.erase(entry->key.low), 1);
            const auto number = static_cast<std::size_t>(entry->expires - kLater);
            assert_true(entry->key == key(number));
            assert_true(all(entry->payload, static_cast<std::byte>(number)));
        }
    }
    assert_true(wanted.empty());
}

// Half-written bytes of a process that has died, or of one that goes on as soon as the lock is
// free.
void a_slot_that_is_being_written_to_is_passed_over(void**) {
    const Bytes bytes(bytes_of(16));
    SlotTable table = formatted(bytes);
    put(table, key(1), kLater);
    const auto found = table.obtain(key(1), kNow);
    for (std::size_t i = 0; i < table.capacity(); ++i) {
        assert_false(table.entry(i).has_value());
    }
    table.done(found.payload, kLater);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_met_once),
        cmocka_unit_test(a_slot_that_is_being_written_to_is_passed_over),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
