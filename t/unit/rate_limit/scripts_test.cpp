// What the scripts are asked with, and which answers are believed.

#include "rate_limit/core/scripts.hpp"

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "expect.hpp"
#include "oom.hpp"
#include "rate_limit/script_policy.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;
using gatehouse::redis::Reply;
using gatehouse::redis::Type;

const Policy& gcra() {
    static const Policy policy = make_policy(Algorithm::gcra, {"10r/s"}, 20);
    return policy;
}

const Policy& gcra_twice() {
    static const Policy policy = make_policy(Algorithm::gcra, {"7r/3s", "100r/1m"});
    return policy;
}

const Policy& sliding() {
    static const Policy policy = make_policy(Algorithm::sliding_window, {"20r/10m"});
    return policy;
}

std::string joined(Arguments& arguments) {
    std::string result;
    for (const std::string_view text : arguments.view()) {
        result += result.empty() ? "" : " ";
        result += text;
    }
    return result;
}

void asks_in_few_words(void**) {
    using Kind = Item::Kind;
    Arguments arguments;
    expect_text(joined(arguments), "", "nothing");
    arguments.add_charge({&gcra()});
    expect_text(joined(arguments), "1 100000 1 20", "one key");
    expect_text(joined(arguments), "1 100000 1 20", "the same again");
    arguments.add_charge({&sliding(), 3});
    expect_text(joined(arguments), "1 100000 1 20 whole 0 3 600000000 0 20", "another key");
    arguments.clear();
    arguments.add_charge({&gcra_twice(), 2, Kind::forced, 5});
    expect_text(joined(arguments), "2 3000000 7 7 600000 1 100 forced 5", "two windows");
    arguments.clear();
    arguments.add_charge({&gcra(), 1, Kind::whole, 5});
    expect_text(joined(arguments), "1 100000 1 20 whole 5", "a key with debt");
    arguments.clear();
    arguments.add_charge({&gcra(), 100, Kind::part});
    expect_text(joined(arguments), "100 100000 1 20 part 0", "lease");
    arguments.clear();
    arguments.add_charge({&gcra()});
    arguments.add_refund({&gcra(), 7}, 2, 1'763'785'846'123'456);
    expect_text(joined(arguments), "1 100000 1 20 whole 0 2 100000 1 20 whole 0 1763785846123456",
                "a refund");
}

// (burst + debt) * cost and its sum with a time must be exact.
void bounds_debt(void**) {
    Arguments arguments;
    const Policy slow = make_policy(Algorithm::gcra, {"1r/365d"}, 100);
    arguments.add_charge({&slow, 1, Item::Kind::forced, 1'000'000});
    expect_text(joined(arguments), "1 31536000000000 1 100 forced 42", "cut");
    arguments.clear();
    arguments.add_charge({&sliding(), 1, Item::Kind::forced, 1'000'000});
    expect_text(joined(arguments), "1 600000000 0 20 forced 1000000", "a log has none to cut");
}

Reply integer(std::int64_t value) { return {Type::integer, value, {}, {}}; }

// An answer of integers.
struct Integers {
    explicit Integers(std::initializer_list<std::int64_t> values) {
        for (const std::int64_t value : values) {
            elements.push_back(integer(value));
        }
    }
    Reply reply() const { return {Type::array, 0, {}, elements}; }
    std::vector<Reply> elements;
};

void reads_verdicts(void**) {
    const std::array<Item, 2> items{Item{&gcra_twice(), 3}, Item{&sliding()}};
    std::array<Charged, 2> charged;
    const Integers answer{1, 1'763'785'846'123'456, 1, 1, 17, 5, 6, 3, 1, 0, 19, 600'000'000, 0, 1};
    const auto result = read_charge(answer.reply(), items, charged);
    assert_true(result.has_value());
    assert_true(result->allowed);
    assert_true(result->charged_at == 1'763'785'846'123'456);
    const Verdict& first = charged[0].verdict;
    assert_true(first.allowed);
    assert_int_equal(first.window, 1);
    assert_int_equal(first.remaining, 17);
    assert_int_equal(first.reset, 5);
    assert_int_equal(first.excess, 6);
    assert_int_equal(charged[0].granted, 3);
    assert_int_equal(charged[1].verdict.remaining, 19);
    assert_int_equal(charged[1].verdict.reset, 600'000'000);
    assert_int_equal(charged[1].granted, 1);
}

bool believed(const Integers& answer, const Item& item) {
    Charged charged;
    return read_charge(answer.reply(), {&item, 1}, {&charged, 1}).has_value();
}

void believes_what_the_script_can_say(void**) {
    using Kind = Item::Kind;
    const Item whole{&gcra(), 3}, part{&gcra(), 9, Kind::part}, forced{&gcra(), 3, Kind::forced, 5};
    assert_true(believed(Integers{1, 1, 1, 0, 20, 1, 0, 3}, whole));
    assert_true(believed(Integers{0, 1, 0, 0, 0, 1, 0, 0}, whole));
    assert_true(believed(Integers{1, 1, 1, 0, 0, 1, 0, 4}, part));
    assert_true(believed(Integers{0, 1, 0, 0, 0, 1, 0, 0}, part));
    assert_true(believed(Integers{1, 1, 1, 0, 0, 1, 0, 3}, forced));
    assert_true(believed(Integers{0, 1, 0, 0, 0, 1, 0, 2}, forced));
    assert_false(believed(Integers{1, 1, 1, 0, 0, 1, 0, 2}, whole));
    assert_false(believed(Integers{0, 1, 0, 0, 0, 1, 0, 3}, whole));
    assert_false(believed(Integers{1, 1, 1, 0, 0, 1, 0, 0}, part));
    assert_false(believed(Integers{0, 1, 0, 0, 0, 1, 0, 1}, part));
    assert_false(believed(Integers{1, 1, 1, 0, 0, 1, 0, 2}, forced));
    assert_false(believed(Integers{1, 1, 0, 0, 0, 1, 0, 0}, whole));  // allowed, but by no key
    assert_false(believed(Integers{0, 1, 1, 0, 0, 1, 0, 3}, whole));
}

// Every field of a good answer replaced by what is not in its range or of its type.
void believes_no_other_field(void**) {
    const Item item{&gcra(), 3};
    const Integers good{1, 1'763'785'846'123'456, 1, 0, 17, 300'000, 200'000, 3};
    constexpr std::int64_t kHuge = (std::int64_t{1} << 53) + 1;
    constexpr std::array<std::array<std::int64_t, 2>, 8> kWrong{
        {{-1, 2}, {0, kHuge}, {-1, 2}, {-1, 1}, {-1, 21}, {0, kHuge}, {-1, kHuge}, {2, 4}}};
    assert_true(believed(good, item));
    for (std::size_t field = 0; field < kWrong.size(); ++field) {
        for (const std::int64_t value : kWrong[field]) {
            Integers answer = good;
            answer.elements[field].integer = value;
            expect(!believed(answer, item), std::to_string(field), "range");
        }
        for (const Type type : {Type::nil, Type::status, Type::error, Type::string, Type::array}) {
            Integers answer = good;
            answer.elements[field].type = type;
            expect(!believed(answer, item), std::to_string(field), "type");
        }
    }
}

void believes_no_other_shape(void**) {
    const Item item{&gcra(), 3};
    Integers answer{1, 1'763'785'846'123'456, 1, 0, 17, 300'000, 200'000, 3};
    answer.elements.push_back(integer(0));
    assert_false(believed(answer, item));
    answer.elements.resize(7);
    assert_false(believed(answer, item));
    answer.elements.clear();
    assert_false(believed(answer, item));
    Charged charged;
    for (const Type type : {Type::nil, Type::status, Type::error, Type::integer, Type::string}) {
        assert_false(read_charge({type, 1, "OK", {}}, {&item, 1}, {&charged, 1}).has_value());
    }
    const Integers good{1, 1'763'785'846'123'456, 1, 0, 17, 300'000, 200'000, 3};
    assert_false(read_charge(good.reply(), {&item, 1}, {}).has_value());
}

void reports_that_memory_ran_out(void**) {
    bool wrong = false;
    for_each_failing_allocation([&] {
        Arguments arguments;
        arguments.add_charge({&gcra_twice(), 2, Item::Kind::forced, 5});
        wrong |= arguments.view().size() != 9;
    });
    assert_false(wrong);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(asks_in_few_words),
        cmocka_unit_test(bounds_debt),
        cmocka_unit_test(reads_verdicts),
        cmocka_unit_test(believes_what_the_script_can_say),
        cmocka_unit_test(believes_no_other_field),
        cmocka_unit_test(believes_no_other_shape),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
