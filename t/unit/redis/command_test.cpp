#include "redis/core/command.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "expect.hpp"
#include "oom.hpp"
#include "replies.hpp"

namespace {

using namespace gatehouse::redis;
using namespace gatehouse::test;
using namespace std::string_view_literals;

constexpr std::string_view kText = "return redis.call('TIME')\n-- \0 is no end"sv;

// A command read back as the array that it is.
std::string words_of(std::string_view wire) {
    const OneReply reply(wire);
    return reply ? show(*reply) : "no reply";
}

void test_sha(void**) {
    // FIPS 180-4's example, and what `printf 'return 1' | sha1sum` says.
    expect_text(Script("abc").sha(), "a9993e364706816aba3e25717850c26c9cd0d89d", "abc");
    expect_text(Script("return 1").sha(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "return 1");
    expect_text(Script("").sha(), "da39a3ee5e6b4b0d3255bfef95601890afd80709", "empty");
}

void test_words(void**) {
    expect_text(Command({"PING"}).view(), "*1\r\n$4\r\nPING\r\n", "one word");
    expect_text(Command({"SET", "a\0b\r\n"sv, ""}).view(),
                "*3\r\n$3\r\nSET\r\n$5\r\na\0b\r\n\r\n$0\r\n\r\n"sv, "binary-safe");
    expect_text(Command({"GET", std::string_view()}).view(), "*2\r\n$3\r\nGET\r\n$0\r\n\r\n",
                "a null view is an empty word");
}

void test_many_and_long_words(void**) {
    const std::string large(70'000, 'x');
    const std::vector<std::string_view> words(300, large);
    const Command command{std::span<const std::string_view>(words)};
    assert_int_equal(command.view().size(), 6 + 300 * (8 + large.size() + 2));
}

void test_evalsha(void**) {
    const Script script(kText);
    const std::array keys{"key one"sv, "\0two"sv};
    const std::array arguments{"1"sv, ""sv, "3"sv};
    const Command command = Command::evalsha(script, keys, arguments);
    const std::string sha(script.sha());
    expect_text(words_of(command.view()),
                "[\"EVALSHA\", \"" + sha + "\", \"2\", \"key one\", \"" + std::string(keys[1]) +
                    "\", \"1\", \"\", \"3\"]",
                "two keys");
    expect_text(words_of(Command::evalsha(script, {}, {}).view()),
                "[\"EVALSHA\", \"" + sha + "\", \"0\"]", "no keys");
}

void test_eval(void**) {
    const Script script(kText);
    const std::array keys{"$7\r\nEVALSHA\r\n"sv, "\0"sv};
    const std::array arguments{"*1\r\n"sv, script.sha()};
    const Command command = Command::evalsha(script, keys, arguments);
    const Command expected{"EVAL", kText, "2", keys[0], keys[1], arguments[0], arguments[1]};
    expect_text(as_eval(command.view(), script), expected.view(), "same tail");

    const std::vector<std::string_view> many(1000, "key");
    const std::string eval = as_eval(Command::evalsha(script, many, {}).view(), script);
    std::vector<std::string_view> words{"EVAL", kText, "1000"};
    words.insert(words.end(), many.begin(), many.end());
    expect_text(eval, Command(words).view(), "a longer count");
}

void test_cleanse(void**) {
    Command command{"AUTH", "correct horse"};
    command.cleanse();
    assert_true(command.view() == std::string(command.view().size(), '\0'));
}

void test_failing_allocations(void**) {
    bool held = true;
    for_each_failing_allocation([&] {
        const Script script(kText);
        const std::vector<std::string_view> keys(200, "key");
        const Command command = Command::evalsha(script, keys, keys);
        held = held && as_eval(command.view(), script).ends_with(bulk("key"));
    });
    assert_true(held);
}

// The hot path: hiredis' own allocation is the only one.
void test_a_usual_command_allocates_once(void**) {
    const Script script(kText);
    const std::array keys{"key"sv};
    const std::array arguments{"1"sv, "2"sv, "3"sv, "4"sv, "5"sv, "6"sv, "7"sv, "8"sv};
    const FailingAllocation failing(2, FailureMode::forever);
    const bool built = !Command::evalsha(script, keys, arguments).view().empty();
    assert_true(built && !failing.struck());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_sha),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_many_and_long_words),
        cmocka_unit_test(test_evalsha),
        cmocka_unit_test(test_eval),
        cmocka_unit_test(test_cleanse),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_a_usual_command_allocates_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
