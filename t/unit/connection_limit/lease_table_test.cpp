#include "connection_limit/core/lease_table.hpp"

#include <array>
#include <string>
#include <vector>

#include "connection_limit/leases.hpp"
#include "oom.hpp"

namespace {

using namespace gatehouse::test;

void counts_up_to_the_limit_and_down_again(void**) {
    const Bytes bytes(lease_bytes_of(16));
    LeaseTable table = lease_table(bytes.span());
    const std::size_t owner = table.enroll(process(1));
    std::vector<std::uint32_t> leases;
    for (std::uint32_t i = 1; i <= 5; ++i) {
        const auto taken = table.take(key(1), owner, 5, kNow);
        assert_true(taken.outcome == Outcome::held && !taken.evicted);
        assert_int_equal(taken.count, i);
        assert_int_equal(table.count(key(1)), i);
        leases.push_back(taken.lease);
    }
    const auto sixth = table.take(key(1), owner, 5, kNow);
    assert_true(sixth.outcome == Outcome::refused);
    assert_int_equal(sixth.count, 5);
    assert_true(table.take(key(2), owner, 5, kNow).outcome == Outcome::held);
    assert_int_equal(table.held(), 6);

    for (std::uint32_t left = 5; left-- > 0;) {
        table.release(leases[left], owner, kNow);
        assert_int_equal(table.count(key(1)), left);
    }
    assert_int_equal(table.count(key(2)), 1);
    assert_int_equal(table.held(), 1);
    assert_int_equal(table.take(key(1), owner, 1, kNow).count, 1);
}

void a_limit_of_none_refuses_all(void**) {
    const Bytes bytes(lease_bytes_of(16));
    LeaseTable table = lease_table(bytes.span());
    const std::size_t owner = table.enroll(process(1));
    assert_true(table.take(key(1), owner, 0, kNow).outcome == Outcome::refused);
    // A lower limit than what is held, as after a reload.
    hold(table, key(1), owner);
    hold(table, key(1), owner);
    const auto taken = table.take(key(1), owner, 1, kNow);
    assert_true(taken.outcome == Outcome::refused);
    assert_int_equal(taken.count, 2);
}

void only_the_owner_ends_a_lease_and_only_once(void**) {
    const Bytes bytes(lease_bytes_of(16));
    LeaseTable table = lease_table(bytes.span());
    const std::size_t mine = table.enroll(process(1)), other = table.enroll(process(2));
    const std::uint32_t lease = hold(table, key(1), mine);
    hold(table, key(1), other);
    for (const std::size_t stranger :
         {other, std::size_t{2}, LeaseTable::kMaxOwners, mine + 65536, ~std::size_t{0}}) {
        table.release(lease, stranger, kNow);
        expect(table.count(key(1)) == 2, std::to_string(stranger), "not its own");
    }
    for (const std::uint32_t none : {2U, 31U, 32U, 33U, ~0U}) {
        table.release(none, mine, kNow);
        expect(table.held() == 2, std::to_string(none), "no lease");
    }
    table.release(lease, mine, kNow);
    table.release(lease, mine, kNow);
    assert_int_equal(table.count(key(1)), 1);
    assert_int_equal(table.held(), 1);
}

void nobody_takes_who_is_not_enrolled(void**) {
    const Bytes bytes(lease_bytes_of(16));
    LeaseTable table = lease_table(bytes.span());
    const std::size_t owner = table.enroll(process(1));
    for (const std::size_t stranger : {owner + 1, LeaseTable::kMaxOwners, ~std::size_t{0}}) {
        expect(table.take(key(1), stranger, 5, kNow).outcome == Outcome::full,
               std::to_string(stranger), "no owner");
    }
    table.reclaim(owner);
    assert_true(table.take(key(1), owner, 5, kNow).outcome == Outcome::full);
    assert_int_equal(table.held(), 0);
}

void reclaims_all_of_one_owner_and_nothing_of_another(void**) {
    const Bytes bytes(lease_bytes_of(32));
    LeaseTable table = lease_table(bytes.span());
    const std::size_t dead = table.enroll(process(1)), living = table.enroll(process(2));
    std::vector<std::uint32_t> kept;
    for (std::uint64_t i = 0; i < 8; ++i) {
        hold(table, key(i), dead);
        hold(table, key(i), dead);
        if (i % 2 == 0) {
            kept.push_back(hold(table, key(i), living));
        }
    }
    assert_int_equal(table.reclaim(dead), 16);
    for (std::uint64_t i = 0; i < 8; ++i) {
        expect(table.count(key(i)) == (i % 2 == 0 ? 1 : 0), std::to_string(i), "of the living");
    }
    assert_int_equal(table.held(), kept.size());
    assert_true(table.owner(dead) == Owner{} && table.owner(living) == process(2));
    assert_int_equal(table.reclaim(dead), 0);
    assert_int_equal(table.reclaim(LeaseTable::kMaxOwners), 0);
    assert_int_equal(table.held(), kept.size());
    for (const std::uint32_t lease : kept) {
        table.release(lease, living, kNow);
    }
    assert_int_equal(table.held(), 0);
}

void tells_processes_apart(void**) {
    const Bytes bytes(lease_bytes_of(16));
    LeaseTable table = lease_table(bytes.span());
    const std::size_t first = table.enroll(process(1)), other = table.enroll(process(2));
    hold(table, key(1), first);
    hold(table, key(1), other);
    assert_int_equal(table.enroll(process(1)), first);  // the same: nothing is lost
    assert_int_equal(table.count(key(1)), 2);

    // The same ID, started at another time, is another process.
    Owner reused = process(1);
    ++reused.started;
    const std::size_t second = table.enroll(reused);
    assert_true(second != first && second != other && second < LeaseTable::kMaxOwners);
    assert_true(table.owner(second) == reused && table.owner(first) == process(1));
    assert_int_equal(table.reclaim(first), 1);
    assert_int_equal(table.count(key(1)), 1);
    assert_int_equal(table.enroll(reused), second);
}

void holds_as_many_owners_as_promised(void**) {
    const Bytes bytes(lease_bytes_of(16));
    LeaseTable table = lease_table(bytes.span());
    std::vector<bool> seen(LeaseTable::kMaxOwners);
    for (std::uint32_t i = 0; i < LeaseTable::kMaxOwners; ++i) {
        const std::size_t owner = table.enroll(process(static_cast<std::int32_t>(i)));
        expect(owner < seen.size() && !seen[owner], std::to_string(i), "a place of its own");
        seen[owner] = true;
    }
    assert_int_equal(table.enroll(process(5000)), LeaseTable::kMaxOwners);
    hold(table, key(1), LeaseTable::kMaxOwners - 1);
    table.reclaim(7);
    assert_int_equal(table.enroll(process(5000)), 7);
    assert_int_equal(table.count(key(1)), 1);
    table.reclaim(LeaseTable::kMaxOwners - 1);
    assert_int_equal(table.count(key(1)), 0);
}

void attaches_to_what_was_formatted_and_writes_nothing(void**) {
    const Bytes bytes(lease_bytes_of(32) + 100);
    LeaseTable table = lease_table(bytes.span());
    assert_int_equal(table.keys(), 32);
    assert_int_equal(table.leases(), 64);
    const std::size_t owner = table.enroll(process(1));
    const std::uint32_t lease = hold(table, key(1), owner);
    const auto span = bytes.span();
    const std::vector<std::byte> before(span.begin(), span.end());
    auto other = LeaseTable::attach(span);
    assert_true(other.has_value());
    assert_int_equal(other->count(key(1)), 1);
    assert_int_equal(other->held(), 1);
    assert_true(std::equal(before.begin(), before.end(), span.begin()));
    other->release(lease, owner, kNow);
    assert_int_equal(table.count(key(1)), 0);
}

void refuses_what_is_no_table(void**) {
    const Bytes bytes(lease_bytes_of(16) + 64);
    const auto span = bytes.span();
    const std::size_t least = lease_bytes_of(16);
    assert_false(LeaseTable::attach(span).has_value());
    assert_true(LeaseTable::format(span.first(least)).has_value());
    assert_true(LeaseTable::attach(span.first(least)).has_value());
    for (const std::size_t size : {std::size_t{0}, std::size_t{64}, kBeforeLeases, least - 1}) {
        expect(!LeaseTable::format(span.first(size)), std::to_string(size), "no room");
        expect(!LeaseTable::attach(span.first(size)), std::to_string(size), "too short");
    }
    assert_false(LeaseTable::format(span.subspan(8)).has_value());
    // Magic, version, leases; magic of the keys, whose table begins behind 32 leases.
    for (const std::size_t octet : {std::size_t{0}, std::size_t{7}, std::size_t{8}, std::size_t{11},
                                    std::size_t{12}, std::size_t{15}, kBeforeLeases + 32 * 8}) {
        for (int bit = 0; bit < 8; ++bit) {
            const std::byte flip{static_cast<unsigned char>(1 << bit)};
            span[octet] ^= flip;
            expect(!LeaseTable::attach(span.first(least)), std::to_string(octet), "refused");
            span[octet] ^= flip;
        }
    }
}

// The sanitizer is the judge.
void broken_bytes_lead_nowhere_outside(void**) {
    std::mt19937_64 random(11);
    for (int round = 0; round < 300; ++round) {
        const Bytes bytes(lease_bytes_of(16));
        LeaseTable table = lease_table(bytes.span());
        const std::size_t owner = table.enroll(process(1));
        for (std::uint64_t i = 0; i < 12; ++i) {
            hold(table, key(i % 8), owner);
        }
        const auto span = bytes.span();
        const std::array<std::size_t, 3> regions{0, 16, kBeforeLeases};
        for (std::byte& octet : span.subspan(regions[static_cast<std::size_t>(round) % 3])) {
            if (round % 5 == 0 || random() % 8 == 0) {
                octet = static_cast<std::byte>(random());
            }
        }
        for (std::uint32_t i = 0; i < 40; ++i) {
            table.take(key(i % 20), owner, kUnlimited, kNow);
            table.release(i, owner, kNow);
            table.count(key(i % 20));
        }
        table.held();
        table.enroll(process(2));
        table.reclaim(owner);
    }
}

void allocates_nothing(void**) {
    const Bytes bytes(lease_bytes_of(32));
    const FailingAllocation failing(1, FailureMode::forever);
    LeaseTable table = lease_table(bytes.span());
    const std::size_t owner = table.enroll(process(1));
    for (std::uint64_t i = 0; i < 200; ++i) {
        const auto taken = table.take({i << 32, i << 40}, owner, 3, kNow);
        if (i % 3 == 0 && taken.outcome == Outcome::held) {
            table.release(taken.lease, owner, kNow);
        }
    }
    table.reclaim(owner);
    assert_false(failing.struck());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(counts_up_to_the_limit_and_down_again),
        cmocka_unit_test(a_limit_of_none_refuses_all),
        cmocka_unit_test(only_the_owner_ends_a_lease_and_only_once),
        cmocka_unit_test(nobody_takes_who_is_not_enrolled),
        cmocka_unit_test(reclaims_all_of_one_owner_and_nothing_of_another),
        cmocka_unit_test(tells_processes_apart),
        cmocka_unit_test(holds_as_many_owners_as_promised),
        cmocka_unit_test(attaches_to_what_was_formatted_and_writes_nothing),
        cmocka_unit_test(refuses_what_is_no_table),
        cmocka_unit_test(broken_bytes_lead_nowhere_outside),
        cmocka_unit_test(allocates_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
