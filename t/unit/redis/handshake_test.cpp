#include "redis/core/handshake.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "expect.hpp"
#include "oom.hpp"
#include "replies.hpp"

namespace {

using namespace gatehouse::redis;
using namespace gatehouse::test;
using namespace std::string_view_literals;

constexpr std::string_view kPassword = "correct horse battery staple";
constexpr std::string_view kMaster = "*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n";
constexpr std::string_view kReplica =
    "*5\r\n$5\r\nslave\r\n$1\r\na\r\n:1\r\n$9\r\nconnected\r\n:1\r\n";
constexpr std::string_view kSha = "$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n";

struct Scripts {
    Script first{"return 1"};
    Script second{"return 2"};
    std::array<const Script*, 2> list{&first, &second};
};

// The commands, each on a line.
std::string commands(const Handshake& handshake) {
    Reader reader;
    reader.feed(handshake.bytes());
    std::string out;
    while (const Reply* reply = reader.next()) {
        append_shown(out, *reply);
        out += '\n';
    }
    assert_false(reader.broken());
    return out;
}

Failure answer(Handshake& handshake, std::string_view wire) {
    return handshake.answer(*OneReply(wire));
}

void test_commands(void**) {
    const Scripts scripts;
    expect_text(commands(Handshake({.client_name = ""})), "", "nothing");
    assert_true(Handshake({.client_name = ""}).done());
    expect_text(commands(Handshake({})), "[\"CLIENT\", \"SETNAME\", \"gatehouse\"]\n", "the least");
    expect_text(commands(Handshake({.password = "p", .client_name = ""})), "[\"AUTH\", \"p\"]\n",
                "the default user");
    expect_text(commands(Handshake({.username = "u",
                                    .password = "p",
                                    .database = 3,
                                    .scripts = scripts.list,
                                    .role = Role::master})),
                "[\"AUTH\", \"u\", \"p\"]\n"
                "[\"SELECT\", \"3\"]\n"
                "[\"CLIENT\", \"SETNAME\", \"gatehouse\"]\n"
                "[\"SCRIPT\", \"LOAD\", \"return 1\"]\n"
                "[\"SCRIPT\", \"LOAD\", \"return 2\"]\n"
                "[\"ROLE\"]\n",
                "all");
}

void test_the_password_is_wiped(void**) {
    Handshake handshake({.username = "u", .password = kPassword});
    const std::string_view bytes = handshake.bytes();
    assert_true(bytes.find(kPassword) != bytes.npos);
    handshake.sent();
    assert_true(handshake.bytes().empty());
    assert_false(handshake.done());
}

void test_all_is_well(void**) {
    const Scripts scripts;
    Handshake handshake(
        {.password = kPassword, .database = 1, .scripts = scripts.list, .role = Role::master});
    for (const std::string_view wire :
         {"+OK\r\n"sv, "+OK\r\n"sv, "+OK\r\n"sv, kSha, kSha, kMaster}) {
        assert_false(handshake.done());
        assert_true(answer(handshake, wire) == Failure::none);
        expect_text(handshake.problem(), "", wire);
    }
    assert_true(handshake.done());
}

void test_moved(void**) {
    Handshake first({.password = kPassword, .client_name = ""});
    Handshake second(std::move(first));
    assert_true(second.bytes().find(kPassword) != std::string_view::npos);
    assert_true(answer(second, "+OK\r\n") == Failure::none);
    assert_true(second.done());
}

enum class Asked { auth, select, set_name, load, role };

Handshake asking(Asked step, const Scripts& scripts) {
    switch (step) {
    case Asked::auth:
        return Handshake({.password = kPassword, .client_name = ""});
    case Asked::select:
        return Handshake({.database = 1, .client_name = ""});
    case Asked::set_name:
        return Handshake(HandshakeOptions{});
    case Asked::load:
        return Handshake({.client_name = "", .scripts = scripts.list});
    case Asked::role:
        return Handshake({.client_name = "", .role = Role::master});
    }
    return Handshake(HandshakeOptions{});
}

struct Row {
    Asked step;
    std::string_view wire;
    Failure failure;
    std::string_view problem;
};

constexpr Row kAnswers[] = {
    {Asked::auth, "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
     Failure::refused, "AUTH was refused: WRONGPASS"},
    {Asked::auth, "-NOPERM no\r\n", Failure::refused, "AUTH was refused: NOPERM"},
    {Asked::auth,
     "-ERR AUTH <password> called without any password configured for the default user.\r\n",
     Failure::refused,
     "AUTH was refused: ERR AUTH <password> called without any password configured for t"},
    {Asked::auth, "-ERR unknown command 'AUTH', with args beginning with: 'correct horse'\r\n",
     Failure::refused, "AUTH was refused: unknown command"},
    {Asked::auth, "$2\r\nOK\r\n", Failure::protocol, "invalid reply to AUTH"},
    {Asked::auth, ":1\r\n", Failure::protocol, "invalid reply to AUTH"},
    {Asked::select, "-ERR DB index is out of range\r\n", Failure::refused,
     "SELECT was refused: ERR DB index is out of range"},
    {Asked::select, "-NOPERM no\r\n", Failure::refused, "SELECT was refused: NOPERM"},
    {Asked::select, "-LOADING Redis is loading\r\n", Failure::refused,
     "SELECT was refused: LOADING"},
    {Asked::set_name, "-NOPERM no\r\n", Failure::none, "CLIENT SETNAME was refused: NOPERM"},
    {Asked::set_name, "-ERR unknown command 'CLIENT'\r\n", Failure::none,
     "CLIENT SETNAME was refused: unknown command"},
    {Asked::set_name, "-NOAUTH Authentication required.\r\n", Failure::refused,
     "CLIENT SETNAME was refused: NOAUTH"},
    {Asked::set_name, "*0\r\n", Failure::protocol, "invalid reply to CLIENT SETNAME"},
    {Asked::load, "-NOPERM no\r\n", Failure::none, "SCRIPT LOAD was refused: NOPERM"},
    {Asked::load, "-ERR unknown command 'SCRIPT'\r\n", Failure::none,
     "SCRIPT LOAD was refused: unknown command"},
    {Asked::load, "-ERR Error compiling script (new function): user_script:1: '=' expected\r\n",
     Failure::refused,
     "SCRIPT LOAD was refused: ERR Error compiling script (new function): user_script:1: "},
    {Asked::load, "-BUSY Redis is busy running a script.\r\n", Failure::refused,
     "SCRIPT LOAD was refused: BUSY"},
    {Asked::load, "+OK\r\n", Failure::protocol, "invalid reply to SCRIPT LOAD"},
    {Asked::role, kReplica, Failure::refused, "it is a replica, not a master"},
    {Asked::role, "*2\r\n$8\r\nsentinel\r\n*0\r\n", Failure::refused,
     "it is a sentinel, not a master"},
    {Asked::role, "-NOPERM no\r\n", Failure::refused, "ROLE was refused: NOPERM"},
    {Asked::role, "+master\r\n", Failure::protocol, "invalid reply to ROLE"},
};

void test_answers(void**) {
    const Scripts scripts;
    for (const Row& row : kAnswers) {
        Handshake handshake = asking(row.step, scripts);
        handshake.sent();
        expect(answer(handshake, row.wire) == row.failure, row.wire, "failure");
        expect_text(handshake.problem(), row.problem, row.wire);
        expect(handshake.problem().find("horse") == std::string_view::npos, row.wire, "no secret");
    }
}

void test_a_problem_is_of_the_last_answer(void**) {
    const Scripts scripts;
    Handshake handshake({.scripts = scripts.list});
    assert_true(answer(handshake, "-NOPERM no\r\n") == Failure::none);
    assert_true(answer(handshake, kSha) == Failure::none);
    expect_text(handshake.problem(), "", "SCRIPT LOAD");
    assert_true(answer(handshake, "-NOPERM no\r\n") == Failure::none);
    assert_true(handshake.done());
}

void test_failing_allocations(void**) {
    const Scripts scripts;
    const OneReply refused("-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    bool held = true;
    for_each_failing_allocation([&] {
        Handshake handshake({.password = kPassword, .database = 1, .scripts = scripts.list});
        held = held && handshake.answer(*refused) == Failure::refused;
    });
    assert_true(held);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_the_password_is_wiped),
        cmocka_unit_test(test_all_is_well),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_a_problem_is_of_the_last_answer),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
