#include "connection_limit/core/bans.hpp"

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "connection_limit/leases.hpp"

namespace {

using namespace gatehouse::test;
using gatehouse::connection_limit::BanRule;
using gatehouse::connection_limit::Bans;

constexpr BanRule kRule{3, 1'000, 5'000};
constexpr std::string_view kName = "192.0.2.1";
constexpr std::size_t kBytesOf16 = 64 + 16 * 84;

Bans formatted(const Bytes& bytes) {
    const auto bans = Bans::format(bytes.span());
    assert_true(bans.has_value());
    return *bans;
}

std::size_t active(const Bans& bans, std::int64_t now) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < bans.capacity(); ++i) {
        count += bans.ban(i, now).has_value();
    }
    return count;
}

void bans_after_so_many_refusals_and_for_so_long(void**) {
    const Bytes bytes(kBytesOf16);
    Bans bans = formatted(bytes);
    assert_int_equal(bans.capacity(), 16);
    assert_false(bans.refused(key(1), kName, kRule, kNow));
    assert_false(bans.refused(key(1), kName, kRule, kNow + 500));
    assert_int_equal(bans.until(key(1), kNow + 500), 0);
    assert_true(bans.refused(key(1), kName, kRule, kNow + 999));
    const std::int64_t end = kNow + 999 + 5'000;
    assert_int_equal(bans.until(key(1), kNow + 999), end);
    assert_int_equal(bans.until(key(2), kNow + 999), 0);
    assert_int_equal(active(bans, kNow + 999), 1);

    // Refusals during the ban neither lengthen it nor count.
    for (int i = 0; i < 10; ++i) {
        assert_false(bans.refused(key(1), kName, kRule, end - 1));
    }
    assert_int_equal(bans.until(key(1), end - 1), end);
    assert_int_equal(bans.until(key(1), end), 0);
    assert_int_equal(active(bans, end), 0);
    assert_false(bans.refused(key(1), kName, kRule, end));
    assert_false(bans.refused(key(1), kName, kRule, end));
    assert_true(bans.refused(key(1), kName, kRule, end));
}

void a_ban_is_listed(void**) {
    const Bytes bytes(kBytesOf16);
    Bans bans = formatted(bytes);
    bans.refused(key(1), kName, {1, 1'000, 5'000}, kNow);
    bans.refused(key(2), kName, kRule, kNow);
    std::size_t listed = 0;
    for (std::size_t i = 0; i < bans.capacity(); ++i) {
        if (const auto ban = bans.ban(i, kNow)) {
            ++listed;
            assert_true(ban->key == key(1) && ban->until == kNow + 5'000);
            assert_true(std::string_view(ban->subject.data(), ban->length) == kName);
        }
    }
    assert_int_equal(listed, 1);
    const auto other = Bans::attach(bytes.span());
    assert_true(other && other->until(key(1), kNow) == kNow + 5'000);
}

void keeps_what_fits_of_a_long_subject(void**) {
    const Bytes bytes(kBytesOf16);
    Bans bans = formatted(bytes);
    bans.refused(key(1), std::string(100, 'x'), {1, 1'000, 5'000}, kNow);
    assert_int_equal(active(bans, kNow), 1);
    for (std::size_t i = 0; i < bans.capacity(); ++i) {
        if (const auto ban = bans.ban(i, kNow)) {
            assert_true(std::string_view(ban->subject.data(), ban->length) ==
                        std::string(Bans::kMaxSubject, 'x'));
        }
    }
}

// Against all refusals there were.
void counts_by_a_window_that_slides(void**) {
    std::mt19937_64 random(5);
    for (const BanRule rule : {kRule, BanRule{1, 7, 3}, BanRule{10, 999, 50}, BanRule{4, 1, 1}}) {
        const Bytes bytes(kBytesOf16);
        Bans bans = formatted(bytes);
        std::vector<std::int64_t> times;
        std::int64_t now = kNow;
        const auto since = [&](std::int64_t start) {
            std::size_t count = 0;
            for (const std::int64_t time : times) {
                count += time > start;
            }
            return count;
        };
        for (int i = 0; i < 3'000; ++i) {
            now += static_cast<std::int64_t>(
                random() % static_cast<std::uint64_t>(2 * rule.within / rule.after + 2));
            if (bans.until(key(1), now) != 0) {
                now = bans.until(key(1), now);
            }
            times.push_back(now);
            const bool banned = bans.refused(key(1), kName, rule, now);
            const std::string row = std::to_string(rule.within);
            expect(banned || since(now - rule.within) < rule.after, row, "not too late");
            expect(!banned || since(now - rule.within - (rule.within + 1) / 2 - 1) >= rule.after,
                   row, "not too early");
            if (banned) {
                times.clear();
            }
        }
    }
}

void rules_without_sense_ban_nobody(void**) {
    const Bytes bytes(kBytesOf16);
    Bans bans = formatted(bytes);
    for (const BanRule rule : {BanRule{}, BanRule{0, 1, 1}, BanRule{1, 0, 1}, BanRule{1, 1, 0},
                               BanRule{1, -1, 1}, BanRule{1, 1, -1}}) {
        assert_false(bans.refused(key(1), kName, rule, kNow));
    }
    constexpr std::int64_t kLong = std::numeric_limits<std::int64_t>::max();
    assert_false(bans.refused(key(1), kName, {2, kLong, kLong}, kNow));
    assert_true(bans.refused(key(1), kName, {2, kLong, kLong}, kNow));
    assert_int_equal(bans.until(key(1), kNow), kLong);
}

void the_ban_that_ends_first_makes_way(void**) {
    const Bytes bytes(kBytesOf16);
    Bans bans = formatted(bytes);
    for (std::uint64_t i = 0; i < 16; ++i) {
        bans.refused(key(i), kName, {1, 10, 1'000 + static_cast<std::int64_t>(i)}, kNow);
    }
    assert_int_equal(active(bans, kNow), 16);
    assert_true(bans.refused(key(100), kName, {1, 10, 9'000}, kNow));
    assert_int_equal(bans.until(key(0), kNow), 0);
    assert_true(bans.until(key(1), kNow) != 0 && bans.until(key(100), kNow) != 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(bans_after_so_many_refusals_and_for_so_long),
        cmocka_unit_test(a_ban_is_listed),
        cmocka_unit_test(keeps_what_fits_of_a_long_subject),
        cmocka_unit_test(counts_by_a_window_that_slides),
        cmocka_unit_test(rules_without_sense_ban_nobody),
        cmocka_unit_test(the_ban_that_ends_first_makes_way),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
