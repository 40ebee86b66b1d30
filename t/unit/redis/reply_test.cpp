#include "redis/core/reply.hpp"

#include <string>
#include <string_view>

#include "expect.hpp"
#include "oom.hpp"
#include "replies.hpp"

namespace {

using namespace gatehouse::redis;
using namespace gatehouse::test;
using namespace std::string_view_literals;

// What a reader makes of pieces that arrive one after the other: replies, each on a line, and
// `broken` at the end if it gave up.
class Session {
  public:
    explicit Session(ReplyLimits limits = {}) : reader_(limits) {}

    void feed(std::string_view piece) {
        reader_.feed(piece);
        while (const Reply* reply = reader_.next()) {
            append_shown(seen_, *reply);
            seen_ += '\n';
        }
    }
    std::string seen() const { return seen_ + (reader_.broken() ? "broken" : ""); }

  private:
    Reader reader_;
    std::string seen_;
};

std::string read_whole(std::string_view wire, ReplyLimits limits = {}) {
    Session session(limits);
    session.feed(wire);
    return session.seen();
}

std::string read_in_two(std::string_view wire, std::size_t cut, ReplyLimits limits = {}) {
    Session session(limits);
    session.feed(wire.substr(0, cut));
    session.feed(wire.substr(cut));
    return session.seen();
}

std::string read_octets(std::string_view wire, ReplyLimits limits = {}) {
    Session session(limits);
    for (const char& octet : wire) {
        session.feed({&octet, 1});
    }
    return session.seen();
}

struct Row {
    std::string_view wire, seen;
};

constexpr Row kReplies[] = {
    {"+OK\r\n", "+OK\n"},
    {"+\r\n", "+\n"},
    {"-ERR no\r\n", "-ERR no\n"},
    {":0\r\n", ":0\n"},
    {":-1\r\n", ":-1\n"},
    {":9223372036854775807\r\n", ":9223372036854775807\n"},
    {":-9223372036854775808\r\n", ":-9223372036854775808\n"},
    {"$3\r\nabc\r\n", "\"abc\"\n"},
    {"$0\r\n\r\n", "\"\"\n"},
    {"$4\r\n\r\n\0$\r\n"sv, "\"\r\n\0$\"\n"sv},
    {"$-1\r\n", "nil\n"},
    {"*-1\r\n", "nil\n"},
    {"*0\r\n", "[]\n"},
    {"*1\r\n*0\r\n", "[[]]\n"},
    {"*3\r\n:1\r\n*2\r\n$1\r\nx\r\n+y\r\n-z\r\n", "[:1, [\"x\", +y], -z]\n"},
    {"*2\r\n*-1\r\n$-1\r\n", "[nil, nil]\n"},
    {"*8\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n",
     "[:1, :2, :3, :4, :5, :6, :7, :8]\n"},
};

constexpr Row kGarbage[] = {
    {"HTTP/1.1 400 Bad Request\r\n", "broken"},
    {"\r\n", "broken"},
    {"\0"sv, "broken"},
    {":1x\r\n", "broken"},
    {":\r\n", "broken"},
    {":9223372036854775808\r\n", "broken"},
    {"$x\r\n", "broken"},
    {"$-2\r\n", "broken"},
    {"*x\r\n", "broken"},
    {"*-2\r\n", "broken"},
    {"*2147483648\r\n", "broken"},
    {"*9223372036854775807\r\n", "broken"},
    {"*99999999999999999999\r\n", "broken"},
    {"$99999999999999999999\r\n", "broken"},
    {"*2\r\n:1\r\nx\r\n", "broken"},
    {"+OK\r\nx", "+OK\nbroken"},
};

// RESP3, which no later hiredis may make anything of.
constexpr std::string_view kResp3[] = {
    "_\r\n",
    "#t\r\n",
    ",1.5\r\n",
    "(12345678901234567890\r\n",
    "=7\r\ntxt:abc\r\n",
    "%1\r\n+a\r\n:1\r\n",
    "~1\r\n:1\r\n",
    ">1\r\n:1\r\n",
    "|1\r\n+a\r\n:1\r\n:1\r\n",
    "*1\r\n_\r\n",
    "!3\r\nERR\r\n",
};

void test_replies(void**) {
    for (const Row& row : kReplies) {
        expect_text(read_whole(row.wire), row.seen, row.wire);
        expect_text(read_octets(row.wire), row.seen, row.wire);
        for (std::size_t cut = 1; cut < row.wire.size(); ++cut) {
            expect_text(read_in_two(row.wire, cut), row.seen, row.wire);
        }
    }
}

void test_coalesced_replies(void**) {
    std::string wire, seen;
    for (const Row& row : kReplies) {
        wire += row.wire;
        seen += row.seen;
    }
    expect_text(read_whole(wire), seen, "in one piece");
    expect_text(read_octets(wire), seen, "octet by octet");
    for (std::size_t cut = 1; cut < wire.size(); ++cut) {
        expect_text(read_in_two(wire, cut), seen, "in two pieces");
    }
}

void test_garbage(void**) {
    for (const Row& row : kGarbage) {
        expect_text(read_whole(row.wire), row.seen, row.wire);
        expect_text(read_octets(row.wire), row.seen, row.wire);
    }
    for (const std::string_view wire : kResp3) {
        expect_text(read_whole(wire), "broken", wire);
    }
}

void test_nothing_comes_after_garbage(void**) {
    Reader reader;
    reader.feed("x"sv);
    assert_null(reader.next());
    assert_true(reader.broken());
    reader.feed("+OK\r\n"sv);
    assert_null(reader.next());
    assert_true(reader.broken());
}

std::string nested(std::size_t depth) {
    std::string wire;
    for (std::size_t i = 0; i < depth; ++i) {
        wire += "*1\r\n";
    }
    return wire + ":1\r\n";
}

void test_depth(void**) {
    for (std::size_t depth = 1; depth <= 3; ++depth) {
        expect_text(read_whole(nested(depth), {.depth = 3}).substr(0, depth), "[[[" + 3 - depth,
                    "within the limit");
    }
    expect_text(read_whole(nested(4), {.depth = 3}), "broken", "one too deep");
    expect(read_whole(nested(ReplyLimits{}.depth)).ends_with('\n'), "default", "is possible");
    expect_text(read_whole(nested(1000)), "broken", "hostile");
}

void test_elements(void**) {
    const ReplyLimits limits{.elements = 4};
    expect_text(read_whole("*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n", limits), "[:1, :2, :3, :4]\n", "all");
    expect_text(read_whole("*5\r\n", limits), "broken", "refused before they are there");
    expect_text(read_whole("*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n", limits), "broken", "counted together");
    expect_text(read_octets("*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n*4\r\n*0\r\n*0\r\n*0\r\n*0\r\n", limits),
                "[:1, :2, :3, :4]\n[[], [], [], []]\n", "each reply has the whole allowance");
}

void test_octets(void**) {
    const ReplyLimits limits{.bytes = 16};
    const std::string fits = "$9\r\n123456789\r\n" + std::string("$1\r\nx\r\n");
    expect_text(read_whole(fits, limits), "\"123456789\"\n\"x\"\n", "each reply has the limit");
    expect_text(read_octets(fits, limits), "\"123456789\"\n\"x\"\n", "each reply has the limit");
    expect_text(read_whole("$10\r\n1234567890\r\n", limits), "broken", "17 octets");
    expect_text(read_octets("$10\r\n1234567890\r\n", limits), "broken", "17 octets");
    expect_text(read_whole("*2\r\n$5\r\nabcde\r\n:1\r\n", limits), "broken", "all elements count");
    expect_text(read_octets("*2\r\n$5\r\nabcde\r\n:1\r\n", limits), "broken", "all elements count");
    expect_text(read_octets("+12345678901234567890", limits), "broken", "a line without an end");
}

void test_an_announced_length_is_enough(void**) {
    for (const std::string_view wire : {"$536870912\r\n"sv, "*1\r\n$536870912\r\n"sv, "$1048577"sv,
                                        "$9223372036854775807\r\n"sv}) {
        expect_text(read_whole(wire), "broken", wire);
        expect_text(read_octets(wire), "broken", wire);
    }
    expect_text(read_whole("$1048576\r\nx"), "", "as long as the limit");
    expect_text(read_whole("+$536870912"), "", "a status says nothing about lengths");
}

// The codec's buffer moves, and replies that were given must not.
void test_a_reply_stays_while_more_is_fed(void**) {
    Reader reader;
    reader.feed("*2\r\n$5\r\nfirst\r\n+ok\r\n"sv);
    const Reply* reply = reader.next();
    assert_non_null(reply);
    const std::string more = bulk(std::string(100'000, 'x'));
    reader.feed(more);
    expect_text(show(*reply), "[\"first\", +ok]", "after more was fed");
    reply = reader.next();
    assert_non_null(reply);
    assert_int_equal(reply->text.size(), 100'000);
}

void test_long_streams(void**) {
    Session session;
    std::string seen;
    for (int i = 0; i < 5000; ++i) {
        session.feed("*2\r\n:" + std::to_string(i) + "\r\n$2\r");
        session.feed("\nab\r\n");
        seen += "[:" + std::to_string(i) + ", \"ab\"]\n";
    }
    assert_true(session.seen() == seen);
}

void test_moved(void**) {
    Reader first;
    first.feed("*2\r\n:1\r\n"sv);
    assert_null(first.next());
    Reader second(std::move(first));
    second.feed(":2\r\n"sv);
    const Reply* reply = second.next();
    assert_non_null(reply);
    expect_text(show(*reply), "[:1, :2]", "half before, half after");
}

void test_failing_allocations(void**) {
    std::string wire = "*3\r\n:1\r\n*2\r\n+ok\r\n$-1\r\n" + bulk(std::string(20'000, 'x'));
    wire += "*400\r\n";
    for (int i = 0; i < 400; ++i) {
        wire += ":1\r\n";
    }
    const std::string expected = read_whole(wire);
    bool held = true;
    for_each_failing_allocation([&] { held = held && read_in_two(wire, 9000) == expected; });
    assert_true(held);
}

void test_broken_by_a_failing_allocation(void**) {
    Reader reader;
    reader.feed("*1\r\n"sv);
    assert_null(reader.next());
    const std::string text = bulk(std::string(20'000, 'x'));
    reader.feed(text);
    bool thrown = false;
    {
        const FailingAllocation failing(1, FailureMode::once);
        try {
            reader.next();
        } catch (const std::bad_alloc&) {
            thrown = true;
        }
    }
    assert_true(thrown);
    assert_true(reader.broken());
    assert_null(reader.next());
}

// The hot path: what the arena has room for costs nothing.
void test_small_replies_allocate_nothing(void**) {
    constexpr std::string_view kReply = "*8\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n";
    Reader reader;
    bool held = true;
    for (int i = 0; i < 100; ++i) {
        reader.feed(kReply);
        const FailingAllocation failing(1, FailureMode::forever);
        const Reply* reply = reader.next();
        held = held && reply != nullptr && reply->elements.size() == 8 && !failing.struck();
    }
    assert_true(held);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_coalesced_replies),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_nothing_comes_after_garbage),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_octets),
        cmocka_unit_test(test_an_announced_length_is_enough),
        cmocka_unit_test(test_a_reply_stays_while_more_is_fed),
        cmocka_unit_test(test_long_streams),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_broken_by_a_failing_allocation),
        cmocka_unit_test(test_small_replies_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
