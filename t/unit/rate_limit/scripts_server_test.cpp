// What the scripts promise beyond the algorithms: all or none, times to live, clocks that are set,
// keys that somebody else has spoilt, and no more rights than they name.

#include <array>
#include <string>
#include <vector>

#include "rate_limit/script_calls.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;
using gatehouse::redis::Type;
using Kind = Item::Kind;

constexpr std::int64_t kNow = 1'763'785'846'123'456;
constexpr std::int64_t kHour = 3'600'000'000;

const Policy& gcra() {
    static const Policy policy = make_policy(Algorithm::gcra, {"10r/10s"});
    return policy;
}

const Policy& gcra_twice() {
    static const Policy policy = make_policy(Algorithm::gcra, {"7r/3s", "20r/1m"});
    return policy;
}

const Policy& sliding() {
    static const Policy policy = make_policy(Algorithm::sliding_window, {"20r/10m"});
    return policy;
}

const std::array kPolicies{&gcra, &gcra_twice, &sliding};

std::uint32_t burst(const Policy& policy) {
    std::uint32_t least = policy.windows()[0].burst;
    for (const Window& window : policy.windows()) {
        least = std::min(least, window.burst);
    }
    return least;
}

// Every key but the test's clock has a time to live, of no more than `most` milliseconds.
void expect_lives(std::int64_t most, std::string_view when) {
    const Answer keys = scripts->redis().call({"KEYS", "*"});
    for (const auto& key : keys->elements) {
        const std::int64_t ttl = scripts->redis().call({"PTTL", key.text})->integer;
        expect(key.text == "clock" || (ttl > 0 && ttl <= most), key.text, when);
    }
}

void charges_all_or_none(void**) {
    const std::array<std::string_view, 3> keys{"{x}a", "{x}b", "{x}c"};
    const std::array<Item, 3> items{Item{&gcra(), 4}, Item{&gcra_twice(), 3}, Item{&sliding(), 9}};
    scripts->set_clock(kNow);
    for (int call = 0; call < 2; ++call) {
        const ChargeResult result = scripts->charge(keys, items);
        assert_true(result.call.allowed);
        assert_true(result.call.charged_at == kNow);
    }
    const ChargeResult refused = scripts->charge(keys, items);
    assert_false(refused.call.allowed);
    assert_false(refused.keys[0].verdict.allowed);
    assert_false(refused.keys[1].verdict.allowed);
    assert_false(refused.keys[2].verdict.allowed);
    // What the refused call has not charged is still there.
    assert_int_equal(scripts->charge(keys[0], {&gcra(), 1}).verdict.remaining, 1);
    assert_int_equal(scripts->charge(keys[1], {&gcra_twice(), 1}).verdict.remaining, 0);
    assert_int_equal(scripts->charge(keys[2], {&sliding(), 1}).verdict.remaining, 1);

    // One that passes goes uncharged, too.
    const std::array<Item, 3> ones{Item{&gcra()}, Item{&gcra_twice()}, Item{&sliding()}};
    const ChargeResult last = scripts->charge(keys, ones);
    assert_true(last.keys[0].verdict.allowed && last.keys[2].verdict.allowed);
    assert_false(last.keys[1].verdict.allowed);
    assert_int_equal(scripts->charge(keys[0], {&gcra(), 1}).verdict.remaining, 0);
}

void grants_parts(void**) {
    scripts->set_clock(kNow);
    for (const auto policy : kPolicies) {
        const std::uint32_t all = burst(policy());
        const std::string key = "part" + std::to_string(all) + std::to_string(policy().tag());
        const Item item{&policy(), all - 2, Kind::part};
        assert_int_equal(scripts->charge(key, item).granted, all - 2);
        const Charged rest = scripts->charge(key, item);
        assert_true(rest.verdict.allowed);
        assert_int_equal(rest.granted, 2);
        assert_int_equal(rest.verdict.remaining, 0);
        const Charged none = scripts->charge(key, item);
        assert_false(none.verdict.allowed);
        assert_int_equal(none.granted, 0);
        // Until one is there again, not until all that was asked for is.
        scripts->set_clock(kNow + none.verdict.reset - 1);
        assert_false(scripts->charge(key, item).verdict.allowed);
        scripts->set_clock(kNow + none.verdict.reset);
        assert_true(scripts->charge(key, item).verdict.allowed);
        scripts->set_clock(kNow);
    }
}

void forces_as_far_as_debt_goes(void**) {
    scripts->set_clock(kNow);
    for (const auto policy : kPolicies) {
        const std::uint32_t all = burst(policy());
        const std::string key = "forced" + std::to_string(policy().tag());
        const Item item{&policy(), 1, Kind::forced, 5};
        for (std::uint32_t i = 0; i < all; ++i) {
            assert_true(scripts->charge(key, item).verdict.allowed);
        }
        Charged charged = scripts->charge(key, item);
        assert_false(charged.verdict.allowed);
        assert_int_equal(charged.granted, 1);
        const std::int64_t soon = charged.verdict.reset;
        for (int i = 0; i < 4; ++i) {
            charged = scripts->charge(key, item);
            assert_int_equal(charged.granted, 1);
        }
        // A log's debt is paid when its entries leave, all at once; others' one after the other.
        assert_true(charged.verdict.reset > soon || policy().algorithm() != Algorithm::gcra);
        charged = scripts->charge(key, item);
        assert_false(charged.verdict.allowed);
        assert_int_equal(charged.granted, 0);
        // And for the others the debt counts.
        const Item whole{&policy(), 1, Kind::whole, 5};
        const Charged refused = scripts->charge(key, whole);
        assert_false(refused.verdict.allowed);
        assert_true(refused.verdict.reset == charged.verdict.reset);
        scripts->set_clock(kNow + refused.verdict.reset);
        assert_true(scripts->charge(key, whole).verdict.allowed);
        scripts->set_clock(kNow);
    }
}

void charges_nothing_with_a_forced_key_if_a_whole_one_refuses(void**) {
    scripts->set_clock(kNow);
    const std::array<std::string_view, 2> keys{"a", "b"};
    const std::array<Item, 2> items{Item{&gcra(), 1, Kind::forced, 5}, Item{&sliding(), 20}};
    assert_true(scripts->charge(keys, items).call.allowed);
    const ChargeResult refused = scripts->charge(keys, items);
    assert_false(refused.call.allowed);
    assert_int_equal(refused.keys[0].granted, 0);
    assert_int_equal(scripts->charge("a", {&gcra()}).verdict.remaining, 8);
}

// With the server's own clock.
void lets_no_key_live_for_ever(void**) {
    for (const auto policy : kPolicies) {
        const std::string key = "ttl" + std::to_string(policy().tag());
        const std::int64_t most = policy().memory() / 1000 + 1;
        const Item item{&policy()};
        const std::int64_t charged_at = scripts->charge({{key}}, {&item, 1}).call.charged_at;
        expect_lives(most, "charged");
        scripts->charge(key, {&policy(), 5, Kind::part});
        expect_lives(most, "part");
        scripts->charge(key, {&policy(), 100});
        expect_lives(most, "refused");
        scripts->refund(key, item, 1, charged_at);
        expect_lives(most, "refunded");
        scripts->charge(key, {&policy(), 30, Kind::forced, 10});
        expect_lives(5 * most, "forced");
        scripts->redis().call({"FLUSHALL"});
        scripts->refund(key, item, 1, charged_at);
        assert_int_equal(scripts->redis().call({"DBSIZE"})->integer, 0);
        assert_true(scripts->charge(key, item).verdict.allowed);
    }
}

void locks_nobody_out_after_a_step_of_the_clock(void**) {
    for (const auto policy : kPolicies) {
        const std::string key = "step" + std::to_string(policy().tag());
        const Item item{&policy()};
        const std::uint32_t all = burst(policy());
        scripts->set_clock(kNow);
        scripts->charge(key, {&policy(), all});
        // Back: still refused, and charges nothing, but no longer than for the burst's time.
        for (const std::int64_t pause : {0, 1000, 2000}) {
            scripts->set_clock(kNow - kHour + pause);
            const Verdict verdict = scripts->charge(key, item).verdict;
            assert_false(verdict.allowed);
            assert_true(verdict.reset <= policy().memory() - pause);
        }
        scripts->set_clock(kNow - kHour + policy().memory());
        assert_true(scripts->charge(key, {&policy(), all}).verdict.allowed);
        // Forth: as good as new.
        scripts->set_clock(kNow + kHour);
        assert_true(scripts->charge(key, {&policy(), all}).verdict.allowed);
        assert_false(scripts->charge(key, item).verdict.allowed);
    }
}

void overwrites_what_is_of_another_type(void**) {
    for (const auto policy : kPolicies) {
        const Item item{&policy(), 2};
        for (const std::initializer_list<std::string_view> spoil :
             {std::initializer_list<std::string_view>{"SET", "k", "text"},
              {"RPUSH", "k", "text"},
              {"HSET", "k", "a", "b"},
              {"SADD", "k", "a"}}) {
            scripts->redis().call({"DEL", "k"});
            scripts->redis().call(spoil);
            scripts->refund("k", item, 1, kNow);
            const Charged charged = scripts->charge("k", item);
            assert_true(charged.verdict.allowed);
            assert_int_equal(charged.verdict.remaining, burst(policy()) - 2);
            expect_lives(policy().memory() / 1000 + 1, "overwritten");
        }
    }
}

void takes_malformed_values_for_none(void**) {
    for (const auto policy : {&gcra, &gcra_twice}) {
        for (const std::string_view value :
             {"", " ", "x", "-1", "1e300", "inf", "nan", "0x7fffffffffffff", "+", ",", "+,+",
              "1763785846123456.5", "17637858461234560000x", "1+2+3", "\xff\xff"}) {
            scripts->redis().call({"SET", "k", value});
            const Charged charged = scripts->charge("k", {&policy()});
            expect(charged.verdict.remaining == burst(policy()) - 1, value, "as new");
            expect_lives(policy().memory() / 1000 + 1, value);
        }
    }
    scripts->redis().call({"DEL", "k"});
    scripts->redis().call({"RPUSH", "k", "x", "nan", "-5", ""});
    assert_int_equal(scripts->charge("k", {&sliding()}).verdict.remaining, 19);
    scripts->redis().call({"RPUSH", "k", "inf"});
    scripts->charge("k", {&sliding()});
    expect_lives(600'000, "a log of things that are no times");
}

void carries_state_over_to_another_policy(void**) {
    scripts->set_clock(kNow);
    const Policy wider = make_policy(Algorithm::gcra, {"10r/10s", "1000r/1d"});
    scripts->charge("k", {&gcra(), 4});
    assert_int_equal(scripts->charge("k", {&wider}).verdict.remaining, 5);
    assert_int_equal(scripts->charge("k", {&gcra()}).verdict.remaining, 4);
    const Policy less = make_policy(Algorithm::gcra, {"2r/10s"});
    const Charged refused = scripts->charge("k", {&less});
    assert_false(refused.verdict.allowed);
    assert_true(refused.verdict.reset <= less.memory());
}

void survives_arguments_that_are_none(void**) {
    scripts->charge("k", {&gcra(), 4});
    const Answer before = scripts->redis().call({"GET", "k"});
    const std::string script(charge_script());
    using Words = std::vector<std::string_view>;
    for (const Words& garbage : {Words{}, Words{"x"}, Words{"1"}, Words{"1", "x", "1", "1"},
                                 Words{"1", "2", "3"}, Words{"1", "whole", "0"}}) {
        Words words{"EVAL", script, "1", "k"};
        words.insert(words.end(), garbage.begin(), garbage.end());
        const Answer answer = scripts->redis().call(words);
        assert_true(answer.is(Type::error));
        const Answer after = scripts->redis().call({"GET", "k"});
        expect_text(after->text, before->text, garbage.empty() ? "" : garbage.front());
    }
}

// The list of rights in scripts.hpp, and not one less.
void needs_the_rights_that_it_names(void**) {
    constexpr std::array kRights{"+evalsha", "+eval",  "+script|load", "+time",   "+get",
                                 "+set",     "+llen",  "+lindex",      "+lrange", "+rpush",
                                 "+lrem",    "+ltrim", "+pexpire",     "+del"};
    // Walks every command of the scripts; false if any is refused.
    const auto works = [&](std::string_view missing) {
        RedisConnection& redis = scripts->redis();
        redis.call({"FLUSHALL"});
        std::vector<std::string_view> words{"ACL", "SETUSER", "limited", "reset",
                                            "on",  ">pw",     "~gate:*"};
        for (const std::string_view right : kRights) {
            if (right != missing) {
                words.push_back(right);
            }
        }
        assert_true(redis.call(words).is(Type::status));
        redis.call({"SET", "gate:other", "text"});
        redis.call({"RPUSH", "gate:future", "9000000000000000"});
        RedisConnection limited(server->socket());
        limited.call({"AUTH", "limited", "pw"});
        const auto load = [&](std::string_view script) {
            return limited.call({"SCRIPT", "LOAD", script});
        };
        const Answer charge = load(charge_script()), refund = load(refund_script());
        bool good = charge.is(Type::string) && refund.is(Type::string);
        const std::array calls{
            limited.call({"EVAL", charge_script(), "1", "gate:g", "1", "100", "1", "9"}),
            limited.call({"EVALSHA", charge->text, "1", "gate:s", "1", "600000000", "0", "20"}),
            limited.call({"EVALSHA", charge->text, "1", "gate:other", "1", "1", "0", "20"}),
            limited.call({"EVALSHA", charge->text, "1", "gate:other", "1", "1", "0", "20"}),
            limited.call({"EVALSHA", charge->text, "1", "gate:future", "1", "600", "0", "20"}),
            limited.call(
                {"EVALSHA", refund->text, "1", "gate:s", "1", "600", "0", "20", "whole", "0", "1"}),
        };
        for (const Answer& answer : calls) {
            good = good && !answer.is(Type::error);
        }
        return good;
    };
    assert_true(works(""));
    for (const std::string_view right : kRights) {
        expect(!works(right), right, "is needed");
    }
}

void measures_memory(void**) {
    const auto usage = [](std::string_view key) {
        return static_cast<int>(scripts->redis().call({"MEMORY", "USAGE", key})->integer);
    };
    const std::string name = "zone:g:0123456789abcdef0123456789abcdef";
    scripts->charge(name, {&gcra()});
    print_message("octets per key: gcra %d", usage(name));
    scripts->charge(name, {&gcra_twice()});
    print_message(", with two windows %d", usage(name));
    scripts->redis().call({"DEL", name});
    scripts->charge(name, {&sliding(), 20});
    print_message(", sliding_window of 20 %d\n", usage(name));
    assert_true(usage(name) < 1000);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test_setup(charges_all_or_none, clean_server),
        cmocka_unit_test_setup(grants_parts, clean_server),
        cmocka_unit_test_setup(forces_as_far_as_debt_goes, clean_server),
        cmocka_unit_test_setup(charges_nothing_with_a_forced_key_if_a_whole_one_refuses,
                               clean_server),
        cmocka_unit_test_setup(lets_no_key_live_for_ever, clean_server),
        cmocka_unit_test_setup(locks_nobody_out_after_a_step_of_the_clock, clean_server),
        cmocka_unit_test_setup(overwrites_what_is_of_another_type, clean_server),
        cmocka_unit_test_setup(takes_malformed_values_for_none, clean_server),
        cmocka_unit_test_setup(carries_state_over_to_another_policy, clean_server),
        cmocka_unit_test_setup(survives_arguments_that_are_none, clean_server),
        cmocka_unit_test_setup(needs_the_rights_that_it_names, clean_server),
        cmocka_unit_test_setup(measures_memory, clean_server),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
