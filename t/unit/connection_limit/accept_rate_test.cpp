#include "connection_limit/core/accept_rate.hpp"

#include <random>
#include <string>

#include "connection_limit/leases.hpp"

namespace {

using namespace gatehouse::test;
using gatehouse::connection_limit::AcceptRate;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::size_t kBytesOf16 = 64 + 16 * 36;

AcceptRate formatted(const Bytes& bytes) {
    const auto rates = AcceptRate::format(bytes.span());
    assert_true(rates.has_value());
    return *rates;
}

void a_second_of_them_at_once_then_one_by_one(void**) {
    const Bytes bytes(kBytesOf16);
    for (const std::uint32_t rate : {1U, 3U, 10U, 1000U}) {
        AcceptRate rates = formatted(bytes);
        const std::string row = std::to_string(rate);
        for (std::uint32_t i = 0; i < rate; ++i) {
            expect(rates.accept(key(1), rate, kNow), row, "within the burst");
        }
        expect(!rates.accept(key(1), rate, kNow), row, "beyond it");
        expect(rates.accept(key(2), rate, kNow), row, "another key");
        const std::int64_t gap = (kSecond - 1) / rate + 1;
        expect(!rates.accept(key(1), rate, kNow + gap - 2), row, "not yet");
        expect(rates.accept(key(1), rate, kNow + gap), row, "one more");
        expect(!rates.accept(key(1), rate, kNow + gap), row, "but one");
        for (std::uint32_t i = 0; i < rate; ++i) {
            expect(rates.accept(key(1), rate, kNow + 3 * kSecond), row, "all anew");
        }
        expect(!rates.accept(key(1), rate, kNow + 3 * kSecond), row, "but no more");
    }
}

void in_the_long_run_no_more_than_the_rate(void**) {
    const Bytes bytes(kBytesOf16);
    AcceptRate rates = formatted(bytes);
    std::mt19937_64 random(3);
    std::int64_t now = kNow, accepted = 0;
    while (now < kNow + 60 * kSecond) {
        accepted += rates.accept(key(1), 7, now);
        now += static_cast<std::int64_t>(random() % 20'000);
    }
    assert_true(accepted >= 60 * 7 - 1 && accepted <= 61 * 7);
}

void who_is_refused_pushes_nobody_out(void**) {
    const Bytes bytes(kBytesOf16);
    AcceptRate rates = formatted(bytes);
    for (std::uint64_t i = 0; i < 16; ++i) {
        assert_true(rates.accept(key(i), 1, kNow));
    }
    for (std::uint64_t i = 0; i < 16; ++i) {
        assert_false(rates.accept(key(i), 1, kNow));
    }
    auto other = AcceptRate::attach(bytes.span());
    assert_true(other && !other->accept(key(3), 1, kNow));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_second_of_them_at_once_then_one_by_one),
        cmocka_unit_test(in_the_long_run_no_more_than_the_rate),
        cmocka_unit_test(who_is_refused_pushes_nobody_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
