#include <array>
#include <limits>
#include <string>
#include <vector>

#include "expect.hpp"
#include "shm/table.hpp"

// What the table makes of bytes that are not as it left them, and of processes that are no more.

namespace {

using namespace gatehouse::test;

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

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(forgets_the_slot_that_was_being_written_to),
        cmocka_unit_test(a_search_in_vain_leaves_no_mark),
        cmocka_unit_test(done_is_about_the_slot_given_out),
        cmocka_unit_test(attaches_to_what_was_formatted),
        cmocka_unit_test(refuses_what_was_not),
        cmocka_unit_test(refuses_to_format_what_cannot_be_a_table),
        cmocka_unit_test(broken_bytes_lead_nowhere_outside),
        cmocka_unit_test(two_processes_see_one_table),
        cmocka_unit_test(survives_a_process_killed_while_writing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
