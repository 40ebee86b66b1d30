#include "redis/core/sentinel.hpp"

#include <string>
#include <string_view>

#include "expect.hpp"
#include "oom.hpp"
#include "replies.hpp"

namespace {

using namespace gatehouse::redis;
using namespace gatehouse::test;
using namespace std::string_view_literals;
using namespace std::string_literals;

std::string pair(std::string_view host, std::string_view port) {
    return "*2\r\n" + bulk(host) + bulk(port);
}

void test_hosts(void**) {
    for (const std::string_view host : {"a", "A-1.example.org", "_redis._tcp", "192.0.2.1",
                                        "::", "::1", "2001:db8::ffff:192.0.2.1", "9", "a.b."}) {
        expect(valid_host(host), host, "is a host");
    }
    for (const std::string_view host :
         {""sv, "a b"sv, "a\0"sv, "::1\0"sv, "-a"sv, ".a"sv, "[::1]"sv, "a/b"sv, "a:b"sv, "1:2"sv,
          "fe80::1%eth0"sv, "a%b"sv, "\xc3\xa9"sv, "a\n"sv, "?"sv,
          "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222"sv}) {
        expect(!valid_host(host), host, "is no host");
    }
    expect(valid_host(std::string(253, 'a')) && !valid_host(std::string(254, 'a')), "length",
           "253");
}

void test_ports(void**) {
    assert_true(parse_port("1") == 1);
    assert_true(parse_port("65535") == 65535);
    for (const std::string_view port :
         {""sv, "0"sv, "01"sv, "65536"sv, "-1"sv, "+1"sv, "1 "sv, " 1"sv, "1x"sv, "0x1"sv, "1\0"sv,
          "99999999999999999999"sv}) {
        expect(!parse_port(port), port, "is no port");
    }
    assert_false(parse_port(std::string_view()).has_value());
}

void test_master_addresses(void**) {
    const auto address = parse_master_address(*OneReply(pair("192.0.2.1", "6379")));
    assert_true(address && *address == (Address{"192.0.2.1", 6379}));
    const auto named = parse_master_address(*OneReply(pair("cache.example.org", "1")));
    assert_true(named && *named == (Address{"cache.example.org", 1}));
    assert_true(parse_master_address(*OneReply("*-1\r\n")).error() ==
                SentinelError::unknown_master);
    assert_true(parse_master_address(*OneReply("$-1\r\n")).error() ==
                SentinelError::unknown_master);
    for (const std::string& wire :
         {pair("", "1"), pair("a", "0"), pair("a", ""), pair("a b", "1"), pair("a", "1x"),
          "*0\r\n"s, "*1\r\n" + bulk("a"), "*3\r\n" + bulk("a") + bulk("1") + bulk("x"),
          "*2\r\n" + bulk("a") + ":1\r\n", "*2\r\n:1\r\n" + bulk("1"), "*2\r\n$-1\r\n$-1\r\n"s,
          bulk("a:1"), "+OK\r\n"s, ":1\r\n"s}) {
        const auto result = parse_master_address(*OneReply(wire));
        expect(!result && result.error() == SentinelError::malformed, wire, "is malformed");
    }
}

void test_roles(void**) {
    const std::string master = "*3\r\n" + bulk("master") + ":3129659\r\n*1\r\n*3\r\n" +
                               bulk("192.0.2.2") + bulk("9001") + bulk("3129242");
    const std::string replica = "*5\r\n" + bulk("slave") + bulk("192.0.2.1") + ":9000\r\n" +
                                bulk("connected") + ":3167038\r\n";
    const std::string sentinel = "*2\r\n" + bulk("sentinel") + "*1\r\n" + bulk("main");
    assert_true(parse_role(*OneReply(master)) == Role::master);
    assert_true(parse_role(*OneReply(replica)) == Role::replica);
    assert_true(parse_role(*OneReply(sentinel)) == Role::sentinel);
    for (const std::string& wire :
         {"*0\r\n"s, "*-1\r\n"s, bulk("master"), "*1\r\n" + bulk("master"),
          "*3\r\n" + bulk("Master") + ":1\r\n*0\r\n", "*3\r\n+master\r\n:1\r\n*0\r\n"s,
          "*3\r\n" + bulk("slave") + ":1\r\n*0\r\n", "*3\r\n" + bulk("master") + ":1\r\n:1\r\n",
          "*4\r\n" + bulk("master") + ":1\r\n*0\r\n*0\r\n", "*3\r\n:1\r\n:1\r\n*0\r\n"s,
          "*2\r\n" + bulk("sentinel") + ":1\r\n"}) {
        expect(!parse_role(*OneReply(wire)), wire, "is no role");
    }
}

void test_names(void**) {
    expect_text(name(Role::master), "master", "master");
    expect_text(name(Role::replica), "replica", "replica");
    expect_text(name(Role::sentinel), "sentinel", "sentinel");
}

void test_failing_allocations(void**) {
    const OneReply reply(pair("a-name-that-is-too-long-for-the-string.example.org", "6379"));
    bool held = true;
    for_each_failing_allocation([&] {
        const auto address = parse_master_address(*reply);
        held = held && address && address->port == 6379;
    });
    assert_true(held);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_master_addresses),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
