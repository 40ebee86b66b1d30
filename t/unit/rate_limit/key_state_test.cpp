#include "rate_limit/core/key_state.hpp"

#include <set>
#include <string>
#include <vector>

#include "rate_limit/streams.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;
using Kind = Step::Kind;

constexpr std::int64_t kPatience = 20 * kMillisecond;
constexpr std::int64_t kLease = 100 * kMillisecond;
constexpr std::int64_t kTrip = 500;  // microseconds

Shape redis_zone(const Policy& policy, Mode mode) {
    Shape shape{policy};
    shape.mode = mode;
    shape.redis = true;
    shape.hosts = 2;
    shape.lease = kLease;
    shape.unconfirmed = 3;
    return shape;
}

Verdict allowed(std::uint32_t remaining, std::int64_t reset) { return {true, 0, remaining, reset}; }
Verdict refused(std::uint32_t remaining, std::int64_t reset) {
    return {false, 0, remaining, reset};
}

// What one node knows of one key.
struct Node {
    explicit Node(const Shape& of) : shape(of), bytes(KeyState::size(of)) {}
    KeyState key() { return {bytes.span(), shape}; }
    Step consider(std::uint32_t cost, std::int64_t now) {
        return key().consider(shape.policy, cost, now, kPatience);
    }
    void settle(const Step& step, std::uint32_t cost, const Verdict& verdict, std::int64_t sent) {
        key().settle(step, shape.policy, cost, verdict, sent, sent + kTrip);
    }
    // A round trip without a request of its own.
    void learn(std::uint32_t cost, const Verdict& verdict, std::int64_t sent) {
        settle({}, cost, verdict, sent);
    }
    void credit(std::uint32_t granted, const Verdict& verdict, std::int64_t sent) {
        key().credit(shape.policy, granted, verdict, sent, sent + kTrip);
    }

    Shape shape;
    Bytes bytes;
};

void expect_plain_ask(const Step& step) {
    assert_true(step.kind == Kind::ask && !step.probe && !step.placed && step.debit == 0);
}

void expect_probe(const Step& step) { assert_true(step.kind == Kind::ask && step.probe); }

void expect_refusal(const Step& step, std::int64_t reset) {
    assert_true(step.kind == Kind::refuse && step.source == Source::deny_cache);
    assert_false(step.verdict.allowed);
    assert_int_equal(step.verdict.reset, reset);
}

void a_refusal_is_repeated_until_it_ends(void**) {
    Node node(redis_zone(gcra_policy({"10r/s"}), Mode::strict));
    const Step first = node.consider(3, kStart);
    expect_plain_ask(first);
    node.settle(first, 3, refused(2, 100 * kMillisecond), kStart);
    const std::int64_t end = kStart + 100 * kMillisecond;
    expect_refusal(node.consider(3, kStart + kTrip), end - kStart - kTrip);
    expect_refusal(node.consider(4, end - 1), 1);
    assert_int_equal(node.consider(3, end - 1).verdict.remaining, 2);
    expect_plain_ask(node.consider(2, end - 1));
    expect_probe(node.consider(3, end));
}

void of_denials_the_lowest_cost_and_latest_end_stand(void**) {
    Node node(redis_zone(gcra_policy({"10r/s"}), Mode::strict));
    node.learn(5, refused(4, 400 * kMillisecond), kStart);
    node.learn(3, refused(2, 200 * kMillisecond), kStart);
    expect_refusal(node.consider(3, kStart + kTrip), 200 * kMillisecond - kTrip);
    node.learn(4, refused(2, 300 * kMillisecond), kStart);
    expect_refusal(node.consider(4, kStart + kTrip), 200 * kMillisecond - kTrip);
    node.learn(3, refused(2, 250 * kMillisecond), kStart);
    expect_refusal(node.consider(3, kStart + kTrip), 250 * kMillisecond - kTrip);
    node.learn(3, refused(2, 100 * kMillisecond), kStart);
    expect_refusal(node.consider(3, kStart + kTrip), 250 * kMillisecond - kTrip);
    // Once it is over, any new one counts.
    node.learn(5, refused(4, 100 * kMillisecond), kStart + 250 * kMillisecond);
    expect_plain_ask(node.consider(3, kStart + 251 * kMillisecond));
    expect_refusal(node.consider(5, kStart + 251 * kMillisecond), 99 * kMillisecond);
}

void the_last_request_that_passes_denies_the_next(void**) {
    Node node(redis_zone(gcra_policy({"10r/s"}), Mode::strict));
    node.learn(1, allowed(1, 50 * kMillisecond), kStart);
    expect_plain_ask(node.consider(1, kStart + kTrip));
    node.learn(2, allowed(0, 50 * kMillisecond), kStart);
    expect_refusal(node.consider(1, kStart + kTrip), 50 * kMillisecond - kTrip);
    expect_probe(node.consider(1, kStart + 50 * kMillisecond));
}

void another_policy_is_another_matter(void**) {
    Node node(redis_zone(gcra_policy({"10r/s"}), Mode::strict));
    node.learn(1, refused(0, kSecond), kStart);
    const Policy other = gcra_policy({"11r/s"});
    expect_plain_ask(node.key().consider(other, 1, kStart + kTrip, kPatience));
    expect_refusal(node.consider(1, kStart + kTrip), kSecond - kTrip);
}

void only_answers_from_after_a_denial_end_it(void**) {
    Node node(redis_zone(gcra_policy({"10r/s"}), Mode::strict));
    const std::int64_t end = kStart + 100 * kMillisecond;
    node.learn(1, refused(0, 100 * kMillisecond), kStart);
    node.learn(1, allowed(3, 1), kStart - 1);
    expect_refusal(node.consider(1, end - 1), 1);
    const Step probe = node.consider(1, end);
    expect_probe(probe);
    expect_refusal(node.consider(1, end), kPatience);
    node.settle(probe, 1, allowed(3, 1), end);
    expect_plain_ask(node.consider(1, end + kTrip));

    // What passes of a lower cost says nothing about the cost that was refused.
    node.learn(5, refused(4, 100 * kMillisecond), kStart);
    node.learn(1, allowed(3, 1), end);
    expect_probe(node.consider(5, end + kTrip));
    node.learn(1, allowed(5, 1), end);
    expect_plain_ask(node.consider(5, end + kTrip));
}

void no_answer_denies_for_longer_than_the_policy_remembers(void**) {
    Node node(redis_zone(gcra_policy({"10r/s"}), Mode::strict));
    node.learn(1, refused(0, INT64_MAX), kStart);
    expect_refusal(node.consider(1, kStart), kSecond);
    Node other(redis_zone(gcra_policy({"10r/s"}), Mode::strict));
    other.learn(1, refused(0, -1), kStart);
    expect_probe(other.consider(1, kStart + kTrip));
}

void probes_are_few_and_end(void**) {
    struct Row {
        Policy policy;
        int probes;
    };
    const std::vector<Row> rows{
        {gcra_policy({"10r/s"}), 1},
        {gcra_policy({"1000r/s"}), 6},
        {gcra_policy({"1000r/s", "10r/s"}), 1},
        {log_policy({"1000r/s"}), 6},
    };
    for (const Row& row : rows) {
        Node node(redis_zone(row.policy, Mode::strict));
        node.learn(1, refused(0, 1), kStart);
        std::int64_t now = kStart + kTrip;
        Step last;
        // Left behind by a worker that was killed, they end by themselves.
        for (int round = 0; round < 2; ++round, now += kPatience) {
            for (int i = 0; i < row.probes; ++i) {
                last = node.consider(1, now);
                expect_probe(last);
            }
            expect_refusal(node.consider(1, now), kPatience);
        }
        now -= kPatience;
        node.key().give_up(last);
        expect_probe(node.consider(1, now));
        expect_refusal(node.consider(1, now), kPatience);
        node.settle(last, 1, refused(0, 1), now);
        expect_probe(node.consider(1, now + kTrip));
        expect_refusal(node.consider(1, now + kTrip), kPatience);
    }
}

void at_most_so_many_are_unconfirmed(void**) {
    Node node(redis_zone(gcra_policy({"10r/s"}), Mode::optimistic));
    std::vector<Step> steps;
    std::set<int> places;
    for (int i = 0; i < 3; ++i) {
        steps.push_back(node.consider(1, kStart));
        assert_true(steps.back().kind == Kind::admit && steps.back().placed);
        assert_true(steps.back().source == Source::redis);
        places.insert(steps.back().place);
    }
    assert_int_equal(places.size(), 3);
    expect_plain_ask(node.consider(1, kStart));

    node.settle(steps[1], 1, allowed(5, 1), kStart);
    const Step again = node.consider(1, kStart + kTrip);
    assert_true(again.kind == Kind::admit && again.place == steps[1].place);
    expect_plain_ask(node.consider(1, kStart + kTrip));
    node.key().give_up(again);
    assert_true(node.consider(1, kStart + kTrip).placed);
    expect_plain_ask(node.consider(1, kStart + kTrip));

    // An answer that comes too late does not free the place of somebody else.
    const std::int64_t late = kStart + kPatience;
    assert_int_equal(node.consider(1, late).place, steps[0].place);
    assert_int_equal(node.consider(1, late).place, steps[2].place);
    expect_plain_ask(node.consider(1, late));
    node.settle(steps[0], 1, allowed(5, 1), late);
    expect_plain_ask(node.consider(1, late));
}

void a_refused_confirmation_denies(void**) {
    Node node(redis_zone(gcra_policy({"10r/s"}), Mode::optimistic));
    const Step step = node.consider(1, kStart);
    node.settle(step, 1, refused(0, 100 * kMillisecond), kStart);
    expect_refusal(node.consider(1, kStart + kTrip), 100 * kMillisecond - kTrip);
    expect_probe(node.consider(1, kStart + 100 * kMillisecond));
    expect_refusal(node.consider(1, kStart + 100 * kMillisecond), kPatience);
}

void what_is_presumed_is_what_was_said_last(void**) {
    Node node(redis_zone(gcra_policy({"10r/s"}, 20), Mode::optimistic));
    const Verdict fresh = node.consider(2, kStart).verdict;
    assert_true(fresh.allowed && fresh.remaining == 18 && fresh.reset == 100 * kMillisecond);
    node.learn(1, allowed(7, 60 * kMillisecond), kStart);
    const Verdict known = node.consider(1, kStart + kTrip).verdict;
    assert_int_equal(known.remaining, 6);
    assert_int_equal(known.reset, 60 * kMillisecond - kTrip);
    const Verdict later = node.consider(1, kStart + kSecond).verdict;
    assert_int_equal(later.remaining, 5);
    assert_int_equal(later.reset, 100 * kMillisecond);
}

void a_charge_here_is_of_the_whole_or_of_a_share(void**) {
    Shape shape{gcra_policy({"10r/s"})};
    shape.hosts = 2;
    Node local(shape);
    assert_int_equal(KeyState::size(shape), local_state_size(shape.policy));
    assert_int_equal(local.key().charge_here(shape.policy, 1, kStart).remaining, 9);
    Step step;
    step.source = Source::local;
    local.key().take_back(step, shape.policy, 1, kStart, kStart);
    assert_int_equal(local.key().charge_here(shape.policy, 1, kStart).remaining, 9);

    Node share(redis_zone(shape.policy, Mode::strict));
    const Verdict verdict = share.key().charge_here(shape.policy, 1, kStart);
    assert_int_equal(verdict.remaining, 4);
    assert_int_equal(verdict.reset, 200 * kMillisecond);
    share.key().take_back(step, shape.policy, 1, kStart, kStart);
    assert_int_equal(share.key().charge_here(shape.policy, 1, kStart).remaining, 4);
}

void a_share_starts_with_what_redis_left(void**) {
    for (const bool log : {false, true}) {
        const Policy policy = log ? log_policy({"10r/s"}) : gcra_policy({"10r/s"});
        Node node(redis_zone(policy, Mode::strict));
        node.learn(1, allowed(5, 60 * kMillisecond), kStart);
        const std::int64_t now = kStart + kTrip;
        assert_int_equal(node.key().charge_here(policy, 1, now).remaining, 1);
        assert_int_equal(node.key().charge_here(policy, 1, now).remaining, 0);
        assert_false(node.key().charge_here(policy, 1, now).allowed);
        // What comes back later is not taken away again by the same answer.
        assert_true(node.key().charge_here(policy, 1, now + kSecond).allowed);
        assert_true(node.key().charge_here(policy, 1, now + kSecond).allowed);
        node.learn(1, refused(0, 60 * kMillisecond), now + kSecond);
        assert_false(node.key().charge_here(policy, 1, now + kSecond + kTrip).allowed);
    }
}

void a_slot_is_kept_as_long_as_it_matters(void**) {
    const Policy policy = gcra_policy({"10r/s"});
    Node strict(redis_zone(policy, Mode::strict));
    strict.shape.local = false;
    assert_int_equal(strict.key().expiry(policy, kStart), kStart);
    strict.learn(1, refused(0, kSecond), kStart);
    assert_true(strict.key().expiry(policy, kStart) > kStart + kSecond + kPatience);

    Node optimistic(redis_zone(policy, Mode::optimistic));
    optimistic.consider(1, kStart);
    assert_int_equal(optimistic.key().expiry(policy, kStart), kStart + kPatience);

    Node lease(redis_zone(policy, Mode::lease));
    lease.credit(5, allowed(1, 1), kStart);
    assert_true(lease.key().expiry(policy, kStart + kTrip) >= kStart + kLease);

    Node share(redis_zone(policy, Mode::strict));
    share.learn(1, allowed(5, 1), kStart);
    assert_int_equal(share.key().expiry(policy, kStart + kTrip), kStart + kTrip + kSecond);
}

// A zone that was of another shape, a bit that has tipped: nothing outside the bytes is touched
// (AddressSanitizer) and nothing overflows (UndefinedBehaviorSanitizer).
void bytes_that_are_no_state_are_harmless(void**) {
    Random random(3);
    for (const Mode mode : {Mode::strict, Mode::lease, Mode::optimistic}) {
        for (const Policy& policy : {gcra_policy({"10r/s", "20r/10m"}), log_policy({"20r/10m"})}) {
            for (int i = 0; i < 300; ++i) {
                Node node(redis_zone(policy, mode));
                for (std::byte& byte : node.bytes.span()) {
                    byte = random.one_in(2)   ? std::byte{0xff}
                           : random.one_in(2) ? std::byte{0x7f}
                                              : static_cast<std::byte>(random.below(256));
                }
                // So that what the bytes say concerns the policy.
                const std::uint32_t tag = policy.tag();
                for (const std::size_t at : {16U, 48U, 120U}) {
                    if (at + 4 <= node.bytes.span().size() && random.one_in(2)) {
                        const auto text = std::as_bytes(std::span(&tag, 1));
                        std::copy(text.begin(), text.end(),
                                  node.bytes.span().begin() + static_cast<std::ptrdiff_t>(at));
                    }
                }
                std::int64_t now = kStart;
                for (int step = 0; step < 10; ++step, now += random.below(kSecond)) {
                    const auto cost = static_cast<std::uint32_t>(1 + random.below(30));
                    Step taken = node.consider(cost, now);
                    assert_true(taken.kind == Kind::ask || taken.verdict.reset > 0);
                    taken.place = static_cast<std::uint16_t>(random.below(65'536));
                    taken.placed = random.one_in(2);
                    node.key().give_up(taken);
                    if (taken.source == Source::lease || mode != Mode::lease) {
                        node.key().take_back(taken, policy, cost, now, now);
                    }
                    node.key().charge_here(policy, cost, now);
                    assert_true(node.key().expiry(policy, now) >= now);
                    if (mode == Mode::lease) {
                        node.credit(cost, allowed(1, 1), now);
                    }
                    node.learn(cost, random.one_in(2) ? allowed(0, 1) : refused(9, 1), now);
                }
            }
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_is_repeated_until_it_ends),
        cmocka_unit_test(of_denials_the_lowest_cost_and_latest_end_stand),
        cmocka_unit_test(the_last_request_that_passes_denies_the_next),
        cmocka_unit_test(another_policy_is_another_matter),
        cmocka_unit_test(only_answers_from_after_a_denial_end_it),
        cmocka_unit_test(no_answer_denies_for_longer_than_the_policy_remembers),
        cmocka_unit_test(probes_are_few_and_end),
        cmocka_unit_test(at_most_so_many_are_unconfirmed),
        cmocka_unit_test(a_refused_confirmation_denies),
        cmocka_unit_test(what_is_presumed_is_what_was_said_last),
        cmocka_unit_test(a_charge_here_is_of_the_whole_or_of_a_share),
        cmocka_unit_test(a_share_starts_with_what_redis_left),
        cmocka_unit_test(a_slot_is_kept_as_long_as_it_matters),
        cmocka_unit_test(bytes_that_are_no_state_are_harmless),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
