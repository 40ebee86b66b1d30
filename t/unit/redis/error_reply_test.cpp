#include "redis/core/error_reply.hpp"

#include <string>
#include <string_view>

#include "expect.hpp"
#include "oom.hpp"
#include "redis/core/failure.hpp"

namespace {

using namespace gatehouse::redis;
using namespace gatehouse::test;
using namespace std::string_view_literals;

struct Row {
    std::string_view text;
    ErrorClass error_class;
    std::string_view logged;
};

// As servers from 6.2 to 8 write them.
constexpr Row kErrors[] = {
    {"NOSCRIPT No matching script. Please use EVAL.", ErrorClass::no_script, "NOSCRIPT"},
    {"TRYAGAIN Multiple keys request during rehashing of slot", ErrorClass::try_again, "TRYAGAIN"},
    {"CROSSSLOT Keys in request don't hash to the same slot", ErrorClass::cross_slot, "CROSSSLOT"},
    {"CLUSTERDOWN Hash slot not served", ErrorClass::cluster_down, "CLUSTERDOWN"},
    {"CLUSTERDOWN The cluster is down", ErrorClass::cluster_down, "CLUSTERDOWN"},
    {"READONLY You can't write against a read only replica.", ErrorClass::read_only, "READONLY"},
    {"LOADING Redis is loading the dataset in memory", ErrorClass::loading, "LOADING"},
    {"LOADING Valkey is loading the dataset in memory", ErrorClass::loading, "LOADING"},
    {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
     ErrorClass::master_down, "MASTERDOWN"},
    {"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist",
     ErrorClass::misconf, "MISCONF"},
    {"OOM command not allowed when used memory > 'maxmemory'.", ErrorClass::out_of_memory, "OOM"},
    {"NOREPLICAS Not enough good replicas to write.", ErrorClass::no_replicas, "NOREPLICAS"},
    {"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
     ErrorClass::busy, "BUSY"},
    {"UNKILLABLE Sorry the script already executed write commands against the dataset.",
     ErrorClass::unkillable, "UNKILLABLE"},
    {"NOAUTH Authentication required.", ErrorClass::no_auth, "NOAUTH"},
    {"WRONGPASS invalid username-password pair or user is disabled.", ErrorClass::wrong_password,
     "WRONGPASS"},
    {"NOPERM this user has no permissions to run the 'evalsha' command", ErrorClass::no_permission,
     "NOPERM"},
    {"ERR unknown command 'AUTH', with args beginning with: 'correct horse' ",
     ErrorClass::unknown_command, "unknown command"},
    {"ERR unknown command `EVALSHA`, with args beginning with: `x`", ErrorClass::unknown_command,
     "unknown command"},
    {"ERR unknown subcommand 'SETNAME'. Try CLIENT HELP.", ErrorClass::unknown_command,
     "unknown command"},
    {"ERR Unknown subcommand or wrong number of arguments for 'x'. Try CLIENT HELP.",
     ErrorClass::unknown_command, "unknown command"},
    {"ERR DB index is out of range", ErrorClass::other, "ERR DB index is out of range"},
    {"WRONGTYPE Operation against a key holding the wrong kind of value", ErrorClass::other,
     "WRONGTYPE Operation against a key holding the wrong kind of valu"},
    {"NOSCRIPTX", ErrorClass::other, "NOSCRIPTX"},
    {"noscript No matching", ErrorClass::other, "noscript No matching"},
    {"", ErrorClass::other, ""},
    {" MOVED", ErrorClass::other, " MOVED"},
};

constexpr std::string_view kWrapped =
    "ERR Error running script (call to f_1b936e3fe509bcbc9cd0664897bbe8fd0cac101b): "
    "@user_script:12: @user_script: 12: ";

void test_classes(void**) {
    for (const Row& row : kErrors) {
        expect(classify(row.text).error_class == row.error_class, row.text, "class");
        expect_text(loggable(row.text), row.logged, row.text);
    }
}

void test_errors_inside_scripts(void**) {
    const std::string wrapped(kWrapped);
    const std::string appended =
        " script: 1b936e3fe509bcbc9cd0664897bbe8fd0cac101b, on @user_script:12.";
    for (const Row& row : kErrors) {
        const bool redirection = row.error_class == ErrorClass::no_script ||
                                 row.error_class == ErrorClass::try_again ||
                                 row.error_class == ErrorClass::cross_slot ||
                                 row.error_class == ErrorClass::unknown_command;
        // It may have written before: nothing that says "not carried out" is believed.
        const ErrorClass expected = redirection ? ErrorClass::other : row.error_class;
        expect(classify(wrapped + "-" + std::string(row.text)).error_class == expected, row.text,
               "as Redis 6.2 wraps it");
        expect(classify(std::string(row.text) + appended).error_class == expected, row.text,
               "as Redis 7 completes it");
    }
    for (const std::string_view text : {"MOVED 1 127.0.0.1:1", "ASK 1 127.0.0.1:1"}) {
        const ErrorReply inner = classify(wrapped + "-" + std::string(text));
        expect(inner.error_class == ErrorClass::other && !inner.redirect, text, "wrapped");
        expect(classify(std::string(text) + appended).error_class == ErrorClass::other, text, "7");
    }
    const std::string forbidden =
        "The user executing the script can't run this command or subcommand";
    expect(classify(wrapped + forbidden).error_class == ErrorClass::no_permission, forbidden, "6");
    expect(classify("ERR " + forbidden + appended).error_class == ErrorClass::no_permission,
           forbidden, "7");
    expect(classify(wrapped + "attempt to call a nil value").error_class == ErrorClass::other,
           "Lua error", "is no other class");
    expect(classify("ERR Error compiling script (new function): user_script:1: '=' expected")
                   .error_class == ErrorClass::other,
           "syntax error", "is no other class");
}

struct RedirectRow {
    std::string_view text;
    std::uint16_t slot;
    std::string_view host;
    std::uint16_t port;
};

constexpr RedirectRow kRedirects[] = {
    {"3999 127.0.0.1:6381", 3999, "127.0.0.1", 6381},
    {"0 cache-1.example.org:1", 0, "cache-1.example.org", 1},
    {"16383 :65535", 16383, "", 65535},
    {"1 ::1:6379", 1, "::1", 6379},
    {"1 2001:db8::7:6379", 1, "2001:db8::7", 6379},
    {"1 ::ffff:192.0.2.1:6379", 1, "::ffff:192.0.2.1", 6379},
};

constexpr std::string_view kBadRedirects[] = {
    "",
    "1",
    "1 ",
    "1 host",
    "1 host:",
    "1 host:0",
    "1 host:65536",
    "1 host:06379",
    "1 host:+1",
    "1 host:1 ",
    "1  host:1",
    " 1 host:1",
    "16384 host:1",
    "-1 host:1",
    "1x host:1",
    "x host:1",
    "99999999999 host:1",
    "1 ho st:1",
    "1 host/x:1",
    "1 [::1]:6379",
    "1 ?:6379",
    "1 1:2:6379",
    "1 host\r:1",
    "1 fe80::1%eth0:1",
    "1 -x:1",
    "1:2 host",
    "1 host:1:x",
};

void test_redirections(void**) {
    for (const RedirectRow& row : kRedirects) {
        for (const auto& [word, error_class] :
             {std::pair{"MOVED "sv, ErrorClass::moved}, {"ASK "sv, ErrorClass::ask}}) {
            const std::string text = std::string(word) + std::string(row.text);
            const ErrorReply reply = classify(text);
            expect(reply.error_class == error_class && reply.redirect, text, "is a redirection");
            expect(reply.redirect->slot == row.slot, text, "slot");
            expect_text(reply.redirect->host, row.host, text);
            expect(reply.redirect->port == row.port, text, "port");
            expect_text(loggable(text), word.substr(0, word.size() - 1), text);
        }
    }
}

void test_malformed_redirections(void**) {
    for (const std::string_view bad : kBadRedirects) {
        const std::string text = "MOVED " + std::string(bad);
        const ErrorReply reply = classify(text);
        expect(reply.error_class == ErrorClass::other && !reply.redirect, text,
               "is no redirection");
    }
    expect(classify("MOVED").error_class == ErrorClass::other, "MOVED", "is no redirection");
    expect(!classify("MOVED 1 ::1\0:1"sv).redirect, "NUL", "is no redirection");
    expect(!classify("MOVED 1 " + std::string(254, 'x') + ":1").redirect, "long", "is no host");
    expect(classify("MOVED 1 " + std::string(253, 'x') + ":1").redirect.has_value(), "253", "fits");
}

void test_consequences(void**) {
    const auto is = [](ErrorClass error_class, bool give_up, bool open_breaker) {
        const Consequence actual = consequence(error_class);
        return actual.give_up == give_up && actual.open_breaker == open_breaker;
    };
    for (const ErrorClass harmless :
         {ErrorClass::other, ErrorClass::no_script, ErrorClass::moved, ErrorClass::ask,
          ErrorClass::try_again, ErrorClass::cross_slot}) {
        assert_true(is(harmless, false, false));
    }
    for (const ErrorClass lasting :
         {ErrorClass::cluster_down, ErrorClass::misconf, ErrorClass::out_of_memory,
          ErrorClass::no_replicas, ErrorClass::busy, ErrorClass::unkillable,
          ErrorClass::no_permission, ErrorClass::unknown_command}) {
        assert_true(is(lasting, false, true));
    }
    for (const ErrorClass useless :
         {ErrorClass::read_only, ErrorClass::loading, ErrorClass::master_down, ErrorClass::no_auth,
          ErrorClass::wrong_password}) {
        assert_true(is(useless, true, true));
    }
}

void test_logged_texts(void**) {
    expect_text(loggable("ERR a\nb\x1b[0m\0c\xff"sv), "ERR a?b?[0m?c?", "control characters");
    expect_text(loggable("ERR wrong 'secret'"), "ERR wrong ", "nothing that is quoted");
    expect_text(loggable("ERR wrong \"secret\""), "ERR wrong ", "nothing that is quoted");
    expect_text(loggable(std::string(1000, 'x')), std::string(64, 'x'), "not much");
}

void test_messages(void**) {
    for (auto failure = Failure::none; failure <= Failure::refused;
         failure = static_cast<Failure>(static_cast<int>(failure) + 1)) {
        assert_false(message(failure).empty());
    }
}

void test_failing_allocations(void**) {
    bool held = true;
    for_each_failing_allocation([&] {
        const std::string text = loggable("ERR something that is long enough for the heap");
        held = held && text.starts_with("ERR something");
    });
    assert_true(held);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),      cmocka_unit_test(test_errors_inside_scripts),
        cmocka_unit_test(test_redirections), cmocka_unit_test(test_malformed_redirections),
        cmocka_unit_test(test_consequences), cmocka_unit_test(test_logged_texts),
        cmocka_unit_test(test_messages),     cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
