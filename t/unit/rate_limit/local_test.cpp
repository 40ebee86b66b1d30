#include "rate_limit/core/local.hpp"

#include <string>
#include <vector>

#include "rate_limit/streams.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;

std::vector<Policy> policies() {
    return {
        gcra_policy({"1r/s"}),          gcra_policy({"3r/s"}),
        gcra_policy({"7r/11s"}, 4),     gcra_policy({"1r/s"}, 30),
        gcra_policy({"20r/10m"}),       gcra_policy({"20r/10m", "2r/s", "9r/m"}),
        gcra_policy({"100000r/s"}, 20), gcra_policy({"999999937r/s"}, 50),
        log_policy({"1r/s"}),           log_policy({"3r/s"}),
        log_policy({"20r/10m"}),        log_policy({"20r/10m", "2r/s", "9r/m"}),
        log_policy({"5r/s", "200r/s"}),
    };
}

// What a verdict promises about the requests that come next.
void expect_verdict_holds(std::span<std::byte> state, const Policy& policy, std::uint32_t cost,
                          const Verdict& verdict, std::int64_t now) {
    const std::string row = name_of(policy);
    const auto passes = [&](std::uint32_t requests, std::int64_t at) {
        return peek(state, policy, requests, at).allowed;
    };
    expect(verdict.reset > 0, row, "a reset is ahead");
    expect(verdict.window < policy.windows().size(), row, "a window of the policy");
    expect(verdict.remaining == 0 || passes(verdict.remaining, now), row, "what remains passes");
    expect(!passes(verdict.remaining + 1, now), row, "no more than remains passes");
    const std::uint32_t next = verdict.allowed ? verdict.remaining + 1 : cost;
    if (passes(next, now + 10 * policy.memory())) {
        expect(!passes(next, now + verdict.reset - 1), row, "nothing before the reset");
        expect(passes(next, now + verdict.reset), row, "as promised at the reset");
    } else {
        expect(!verdict.allowed, row, "what never passes is refused");
        expect(verdict.reset == policy.memory(), row, "what never passes has a bounded reset");
    }
}

std::int64_t next_gap(Random& random, const Policy& policy, std::int64_t reset) {
    switch (random.below(6)) {
    case 0:
        return reset;
    case 1:
        return reset - 1;
    case 2:
        return random.below(policy.memory() + 1);
    case 3:
        return random.below(policy.windows()[0].time_of(1) + 1);
    default:
        return random.below(3);
    }
}

void bounds_hold_and_verdicts_are_exact(void**) {
    for (const Policy& policy : policies()) {
        Random random(policy.tag());
        Bytes bytes(local_state_size(policy));
        std::vector<Admitted> admitted;
        std::int64_t now = kStart;
        for (int i = 0; i < 1'500; ++i) {
            const auto cost = static_cast<std::uint32_t>(
                random.one_in(3) ? 1 + random.below(policy.windows()[0].burst + 1) : 1);
            const Verdict expected = peek(bytes.span(), policy, cost, now);
            const Verdict verdict = charge(bytes.span(), policy, cost, now);
            expect(verdict.allowed == expected.allowed && verdict.reset == expected.reset &&
                       verdict.remaining == expected.remaining &&
                       verdict.window == expected.window && verdict.excess == expected.excess,
                   name_of(policy), "peek says what charge does");
            expect_verdict_holds(bytes.span(), policy, cost, verdict, now);
            if (verdict.allowed) {
                admitted.push_back({now, cost});
            }
            now += next_gap(random, policy, verdict.reset);
        }
        expect_within_bounds(policy, admitted);
    }
}

// A refused neighbour's charges come back, sooner or later, some of them twice.
void refunds_give_back_no_more_than_was_taken(void**) {
    for (const Policy& policy : policies()) {
        Random random(policy.tag() + 1);
        Bytes bytes(local_state_size(policy)), without(local_state_size(policy));
        std::vector<Admitted> kept, to_refund;
        std::int64_t now = kStart;
        for (int i = 0; i < 1'500; ++i) {
            const auto cost = static_cast<std::uint32_t>(1 + random.below(3));
            const Verdict verdict = charge(bytes.span(), policy, cost, now);
            if (verdict.allowed) {
                (random.one_in(3) ? to_refund : kept).push_back({now, cost});
            }
            if (!to_refund.empty() && random.one_in(3)) {
                const Admitted charged = to_refund.back();
                to_refund.pop_back();
                refund(bytes.span(), policy, charged.cost, charged.at, now);
            }
            now += next_gap(random, policy, verdict.reset);
        }
        expect_within_bounds(policy, kept);
    }
}

void a_refund_at_once_undoes_a_charge(void**) {
    for (const Policy& policy : policies()) {
        Bytes bytes(local_state_size(policy));
        charge(bytes.span(), policy, 1, kStart - 1);
        const Verdict before = peek(bytes.span(), policy, 1, kStart);
        if (!charge(bytes.span(), policy, 1, kStart).allowed) {
            continue;
        }
        refund(bytes.span(), policy, 1, kStart, kStart);
        const Verdict after = peek(bytes.span(), policy, 1, kStart);
        expect(before.allowed == after.allowed && before.remaining == after.remaining &&
                   before.reset == after.reset,
               name_of(policy), "as if it had not been");
    }
}

void what_is_due_passes_at_saturation(void**) {
    for (const Policy& policy : policies()) {
        Bytes bytes(local_state_size(policy));
        // The window that lets the fewest through in the long run.
        const Window* slowest = policy.windows().data();
        for (const Window& window : policy.windows()) {
            slowest = window.time_of(1) > slowest->time_of(1) ? &window : slowest;
        }
        const std::int64_t end = kStart + 20 * policy.memory();
        std::int64_t passed = 0;
        for (std::int64_t now = kStart; now < end;) {
            const Verdict verdict = charge(bytes.span(), policy, 1, now);
            passed += verdict.allowed ? 1 : 0;
            now += verdict.allowed ? 0 : verdict.reset;
        }
        const bool gcra = policy.algorithm() == Algorithm::gcra;
        const std::int64_t burst = gcra ? slowest->burst : 0;
        const std::int64_t due = burst + (end - 1 - kStart) / slowest->time_of(1);
        // Several windows, or a rate beyond the clock's resolution, may cost a little.
        expect(passed * 100 >= due * 97, name_of(policy), "nearly all of what is due passes");
    }
}

void a_seeded_state_has_no_more_than_it_was_given(void**) {
    for (const Policy& policy : policies()) {
        for (std::uint8_t window = 0; window < policy.windows().size(); ++window) {
            const std::uint32_t burst = policy.windows()[window].burst;
            for (const std::uint32_t remaining : {0U, 1U, burst - 1, burst, burst + 1}) {
                Bytes bytes(local_state_size(policy)), untouched(local_state_size(policy));
                seed(bytes.span(), policy, window, remaining, kStart);
                const Verdict more = peek(bytes.span(), policy, remaining + 1, kStart);
                expect(!more.allowed, name_of(policy), "no more than the seed");
                const std::uint32_t all = peek(untouched.span(), policy, burst, kStart).allowed
                                              ? std::min(remaining, burst)
                                              : 0;
                expect(all == 0 || peek(bytes.span(), policy, all, kStart).allowed, name_of(policy),
                       "all of the seed");
                // A second seed that is larger gives nothing back.
                const Verdict before = peek(bytes.span(), policy, 1, kStart);
                seed(bytes.span(), policy, window, remaining + 1, kStart);
                expect(peek(bytes.span(), policy, 1, kStart).remaining == before.remaining,
                       name_of(policy), "seeds only tighten");
            }
        }
    }
}

void an_expired_state_is_as_good_as_new(void**) {
    for (const Policy& policy : policies()) {
        Random random(policy.tag());
        Bytes bytes(local_state_size(policy)), fresh(local_state_size(policy));
        std::int64_t now = kStart;
        assert_int_equal(expiry(bytes.span(), policy, now), now);
        for (int i = 0; i < 100; ++i) {
            charge(bytes.span(), policy, 1, now);
            const std::int64_t expires = expiry(bytes.span(), policy, now);
            expect(expires > now && expires <= now + policy.memory(), name_of(policy), "expires");
            const Verdict used = peek(bytes.span(), policy, 1, expires);
            const Verdict unused = peek(fresh.span(), policy, 1, expires);
            expect(used.remaining == unused.remaining && used.reset == unused.reset,
                   name_of(policy), "nothing is left at the expiry");
            now += random.below(2 * policy.windows()[0].time_of(1));
        }
    }
}

// Whatever wrote the bytes: no access outside them (AddressSanitizer), no overflow
// (UndefinedBehaviorSanitizer), a bounded reset, and a key that recovers.
void bytes_that_are_no_state_are_harmless(void**) {
    Random random(7);
    for (const Policy& policy : policies()) {
        for (int i = 0; i < 300; ++i) {
            // Of another policy's size, too.
            const std::size_t size = random.one_in(3)
                                         ? static_cast<std::size_t>(random.below(20)) * 8
                                         : local_state_size(policy);
            std::vector<std::byte> bytes(size);
            for (std::byte& byte : bytes) {
                const auto kind = random.below(4);
                byte = kind == 0   ? std::byte{0xff}
                       : kind == 1 ? std::byte{0x7f}
                                   : static_cast<std::byte>(random.below(256));
            }
            std::int64_t now = random.one_in(2) ? kStart : 1;
            for (int step = 0; step < 20; ++step) {
                const auto cost = static_cast<std::uint32_t>(
                    random.one_in(9) ? 0xffff'ffffLL : 1 + random.below(9));
                const Verdict verdict = charge(bytes, policy, cost, now);
                expect(verdict.reset > 0, name_of(policy), "a reset is ahead");
                refund(bytes, policy, cost, now - random.below(3), now);
                seed(bytes, policy, static_cast<std::uint8_t>(random.below(6)), cost, now);
                expect(expiry(bytes, policy, now) >= now, name_of(policy), "expires");
                now += random.below(policy.memory());
            }
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(bounds_hold_and_verdicts_are_exact),
        cmocka_unit_test(refunds_give_back_no_more_than_was_taken),
        cmocka_unit_test(a_refund_at_once_undoes_a_charge),
        cmocka_unit_test(what_is_due_passes_at_saturation),
        cmocka_unit_test(a_seeded_state_has_no_more_than_it_was_given),
        cmocka_unit_test(an_expired_state_is_as_good_as_new),
        cmocka_unit_test(bytes_that_are_no_state_are_harmless),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
