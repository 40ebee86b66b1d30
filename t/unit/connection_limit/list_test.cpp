#include "connection_limit/core/list.hpp"

#include <arpa/inet.h>

#include <array>
#include <string>
#include <string_view>

#include "expect.hpp"
#include "oom.hpp"

namespace {

using namespace gatehouse::connection_limit;
using namespace gatehouse::test;

CidrList parsed(std::string_view text) {
    auto list = CidrList::parse(text);
    expect(list.ok(), text, "a list");
    return *list;
}

bool contains(const CidrList& list, const char* address) {
    std::array<std::uint8_t, 16> octets{};
    if (inet_pton(AF_INET, address, octets.data()) == 1) {
        return list.contains(std::span(octets).first(4));
    }
    assert_int_equal(inet_pton(AF_INET6, address, octets.data()), 1);
    return list.contains(octets);
}

void knows_networks_by_their_edges(void**) {
    struct Row {
        const char *network, *first, *last, *before, *after;
    };
    for (const Row& row : {
             Row{"10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
             Row{"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.0", "192.0.2.2"},
             Row{"192.0.2.4/31", "192.0.2.4", "192.0.2.5", "192.0.2.3", "192.0.2.6"},
             Row{"2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                 "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
             Row{"2001:db8::/64", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff",
                 "2001:db7::", "2001:db8:0:1::"},
             Row{"2001:db8::8/125", "2001:db8::8", "2001:db8::f", "2001:db8::7", "2001:db8::10"},
             Row{"::ffff:192.0.2.0/120", "192.0.2.0", "::ffff:192.0.2.255", "192.0.1.255",
                 "::ffff:192.0.3.0"},
         }) {
        const CidrList list = parsed(row.network);
        expect(contains(list, row.first) && contains(list, row.last), row.network, "edges");
        expect(!contains(list, row.before) && !contains(list, row.after), row.network, "beyond");
        expect(list.stray_bits_line() == 0, row.network, "nothing to warn of");
    }
}

void families_are_apart(void**) {
    const CidrList four = parsed("0.0.0.0/0"), six = parsed("::/0");
    assert_true(contains(four, "0.0.0.0") && contains(four, "255.255.255.255"));
    assert_true(contains(four, "::ffff:1.2.3.4") && !contains(four, "::1"));
    assert_true(contains(six, "::") && contains(six, "ffff::ffff"));
    assert_true(!contains(six, "1.2.3.4") && !contains(six, "::ffff:1.2.3.4"));
    assert_true(contains(parsed("::ffff:0:0/96"), "1.2.3.4"));
    assert_false(four.contains(std::array<std::uint8_t, 5>{}));
    assert_false(four.contains({}));
}

void reads_lines(void**) {
    const CidrList list = parsed(
        "# a comment\n\n  10.0.0.1 # this\r\n\t2001:db8::1\n10.0.0.2\n10.0.0.0/31\n\n192.0.2.1");
    assert_true(contains(list, "10.0.0.1") && contains(list, "2001:db8::1"));
    assert_true(contains(list, "192.0.2.1") && !contains(list, "10.0.0.3"));
    assert_int_equal(list.size(), 3);  // neighbours are one
    assert_int_equal(parsed("").size(), 0);
    assert_int_equal(parsed("\n#\n  \n").size(), 0);
    assert_int_equal(parsed("::/1\n8000::/1").size(), 1);
    assert_int_equal(parsed("2001:db8::/64\n2001:db8:0:1::/64").size(), 1);
    assert_int_equal(parsed("0.0.0.0/1\n128.0.0.0/1\n255.255.255.255").size(), 1);
}

void says_what_is_wrong_and_where(void**) {
    for (const char* line : {"10.0.0", "10.0.0.256", "localhost", "10.0.0.1 10.0.0.2", "010.0.0.1",
                             "::1%eth0", "/8", "10.0.0.0 /8", ":::", "1.2.3.4:80", "\x01"}) {
        const auto list = CidrList::parse("10.0.0.1\n\n" + std::string(line) + "\n");
        expect(!list && list.error().error == ListError::not_an_address, line, "no address");
        expect(list.error().line == 3, line, "in line 3");
    }
    for (const char* line :
         {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8",
          "10.0.0.0/08", "10.0.0.0/ 8", "10.0.0.0/99999999999999999999"}) {
        const auto list = CidrList::parse(line);
        expect(!list && list.error().error == ListError::bad_prefix_length, line, "no length");
        expect(list.error().line == 1, line, "in line 1");
    }
    assert_false(CidrList::parse(std::string_view("10.0.0.1\0", 9)).ok());
}

void stray_bits_are_ignored_but_told(void**) {
    const CidrList list = parsed("10.0.0.0/8\n10.1.2.3/16\n2001:db8::1/64\n");
    assert_int_equal(list.stray_bits_line(), 2);
    assert_true(contains(list, "2001:db8::ffff") && contains(list, "10.1.0.0"));
    assert_int_equal(parsed("::/64\n2001:db8::1/64").stray_bits_line(), 2);
}

void refuses_what_is_too_much(void**) {
    const auto long_text = CidrList::parse(std::string(kMaxListBytes + 1, '\n'));
    assert_true(!long_text && long_text.error().error == ListError::too_long);
    std::string text;
    for (std::size_t i = 0; i < kMaxListEntries; ++i) {
        text += "::1\n";
    }
    assert_int_equal(parsed(text).size(), 1);
    const auto many = CidrList::parse(text + "::2");
    assert_true(!many && many.error().error == ListError::too_many_entries);
    assert_int_equal(many.error().line, kMaxListEntries + 1);
}

void survives_failing_allocations(void**) {
    bool right = true;
    for_each_failing_allocation([&] {
        const auto list = CidrList::parse("10.0.0.1\n10.0.0.3\n2001:db8::1\n10.0.0.5\n::1\n");
        right = right && list && list->size() == 5;
    });
    assert_true(right);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(knows_networks_by_their_edges),
        cmocka_unit_test(families_are_apart),
        cmocka_unit_test(reads_lines),
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(stray_bits_are_ignored_but_told),
        cmocka_unit_test(refuses_what_is_too_much),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
