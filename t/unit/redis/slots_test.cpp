#include "redis/core/slots.hpp"

#include <string>
#include <string_view>

#include "expect.hpp"
#include "oom.hpp"
#include "replies.hpp"

namespace {

using namespace gatehouse::redis;
using namespace gatehouse::test;
using namespace std::string_view_literals;

std::string number(std::int64_t value) { return ":" + std::to_string(value) + "\r\n"; }

// [host, port, id], as Redis 6.2 describes a node.
std::string node(std::string_view host, std::int64_t port) {
    return "*3\r\n" + bulk(host) + number(port) + bulk("id");
}

std::string range(std::int64_t first, std::int64_t last, const std::string& master) {
    return "*3\r\n" + number(first) + number(last) + master;
}

template <class... Ranges>
std::string ranges(const Ranges&... all) {
    return "*" + std::to_string(sizeof...(all)) + "\r\n" + (std::string() + ... + all);
}

std::optional<SlotMap> parse(std::string_view wire) {
    const OneReply reply(wire);
    expect(static_cast<bool>(reply), wire, "is a reply");
    return SlotMap::parse(*reply, "192.0.2.9");
}

// `host:port`, or `-` for a gap.
std::string owner(const SlotMap& map, std::uint16_t slot) {
    const auto index = map.node_of(slot);
    if (!index) {
        return "-";
    }
    const Address& address = map.nodes()[*index];
    return address.host + ":" + std::to_string(address.port);
}

struct KeyRow {
    std::string_view key;
    std::uint16_t slot;
};

// The specification's check value (0x31C3), and CLUSTER KEYSLOT of Redis 7.
constexpr KeyRow kKeys[] = {
    {"123456789", 0x31c3},   {"", 0},
    {"foo", 12182},          {"bar", 5061},
    {"user1000", 3443},      {"{user1000}.following", 3443},
    {"{user1000}.x}", 3443}, {"foo{}{bar}", 8363},
    {"foo{{bar}}zap", 4015}, {"foo{bar}{zap}", 5061},
    {"{bar", 4015},          {"\0\xff"sv, 7920},
    {"}{bar}", 5061},
};

void test_key_slots(void**) {
    for (const KeyRow& row : kKeys) {
        expect(key_slot(row.key) == row.slot, row.key, std::to_string(key_slot(row.key)));
    }
}

void test_a_cluster(void**) {
    const auto map = parse(ranges(range(0, 5460, node("192.0.2.1", 6379)),
                                  range(5461, 10922, node("2001:db8::2", 6380)),
                                  range(10923, 16383, node("cache-3.example.org", 6381))));
    assert_true(map.has_value());
    assert_int_equal(map->nodes().size(), 3);
    expect_text(owner(*map, 0), "192.0.2.1:6379", "0");
    expect_text(owner(*map, 5460), "192.0.2.1:6379", "5460");
    expect_text(owner(*map, 5461), "2001:db8::2:6380", "5461");
    expect_text(owner(*map, 10923), "cache-3.example.org:6381", "10923");
    expect_text(owner(*map, 16383), "cache-3.example.org:6381", "16383");
}

void test_gaps(void**) {
    const auto map = parse(ranges(range(5, 7, node("a", 1)), range(9, 9, node("a", 1))));
    assert_true(map.has_value());
    assert_int_equal(map->nodes().size(), 1);
    for (const std::uint16_t slot : {0, 4, 8, 10, 16383}) {
        expect_text(owner(*map, slot), "-", std::to_string(slot));
    }
    for (const std::uint16_t slot : {5, 7, 9}) {
        expect_text(owner(*map, slot), "a:1", std::to_string(slot));
    }
    assert_true(parse("*0\r\n").has_value());

    assert_false(map->complete());
    assert_true(parse(ranges(range(0, 16383, node("a", 1))))->complete());
    assert_false(parse(ranges(range(0, 16382, node("a", 1))))->complete());
    auto moved = parse(ranges(range(1, 16383, node("a", 1))));
    assert_true(moved->assign(0, {"b", 1}) == 1U && moved->complete());
}

void test_hosts_that_are_not_named(void**) {
    const std::string nil = "*2\r\n$-1\r\n:7000\r\n";
    const auto map = parse(ranges(range(0, 0, node("", 6379)), range(1, 1, nil),
                                  range(2, 2, node("?", 6379)), range(3, 3, node("a", 6379))));
    assert_true(map.has_value());
    expect_text(owner(*map, 0), "192.0.2.9:6379", "empty: the one that was asked");
    expect_text(owner(*map, 1), "192.0.2.9:7000", "null: the same");
    expect_text(owner(*map, 2), "-", "unknown");
    expect_text(owner(*map, 3), "a:6379", "goes on");
}

void test_replicas_and_metadata_are_skipped(void**) {
    const std::string master =
        "*4\r\n" + bulk("a") + number(1) + bulk("id") + "*2\r\n" + bulk("hostname") + bulk("b");
    const auto map = parse("*1\r\n*4\r\n" + number(0) + number(1) + master + node("replica", 2));
    assert_true(map.has_value());
    assert_int_equal(map->nodes().size(), 1);
    expect_text(owner(*map, 1), "a:1", "the master");
}

void test_malformed(void**) {
    const std::string bad[] = {
        "$1\r\nx\r\n",
        ":1\r\n",
        "*-1\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n*0\r\n",
        "*1\r\n*2\r\n:0\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*-1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*0\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\na\r\n",
        "*1\r\n*3\r\n$1\r\n0\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n$1\r\n1\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n:1\r\n:1\r\n",
        ranges(range(-1, 1, node("a", 1))),
        ranges(range(0, 16384, node("a", 1))),
        ranges(range(0, std::int64_t{1} << 32, node("a", 1))),
        ranges(range(2, 1, node("a", 1))),
        ranges(range(0, 1, node("a", 0))),
        ranges(range(0, 1, node("a", 65536))),
        ranges(range(0, 1, node("a b", 1))),
        ranges(range(0, 1, node("a\r\nb", 1))),
        ranges(range(0, 5, node("a", 1)), range(5, 9, node("b", 1))),
        ranges(range(3, 3, node("a", 1)), range(0, 9, node("a", 1))),
    };
    for (const std::string& wire : bad) {
        expect(!parse(wire).has_value(), wire, "is no slot map");
    }
}

std::string nodes_of_one_slot(std::size_t count) {
    std::string wire = "*" + std::to_string(count) + "\r\n";
    for (std::size_t i = 0; i < count; ++i) {
        const auto slot = static_cast<std::int64_t>(i);
        wire += range(slot, slot, node("a", slot + 1));
    }
    return wire;
}

void test_too_many_nodes(void**) {
    auto map = parse(nodes_of_one_slot(kMaxNodes));
    assert_true(map.has_value());
    assert_false(map->assign(7, {"b", 1}).has_value());
    expect_text(owner(*map, 7), "a:8", "unchanged");
    assert_true(map->assign(7, {"a", 1}) == 0U);
    assert_false(parse(nodes_of_one_slot(kMaxNodes + 1)).has_value());
}

void test_moved_slots(void**) {
    auto map = parse(ranges(range(0, 9, node("a", 1)), range(10, 19, node("b", 1))));
    assert_true(map.has_value());
    assert_true(map->assign(5, {"b", 1}) == 1U);
    assert_true(map->assign(6, {"b", 2}) == 2U);
    assert_true(map->assign(100, {"c", 1}) == 3U);
    expect_text(owner(*map, 4), "a:1", "others stay");
    expect_text(owner(*map, 5), "b:1", "known node");
    expect_text(owner(*map, 6), "b:2", "another port");
    expect_text(owner(*map, 100), "c:1", "into a gap");
}

void test_failing_allocations(void**) {
    const std::string wire = ranges(range(0, 9, node("a-name-that-is-too-long-for-the-string", 1)),
                                    range(10, 19, node("b", 1)));
    const OneReply reply(wire);
    bool held = true;
    for_each_failing_allocation([&] {
        auto map = SlotMap::parse(*reply, "x");
        held = held && map && map->assign(7, {"another-name-that-is-too-long", 1}) == 2U;
    });
    assert_true(held);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_key_slots),
        cmocka_unit_test(test_a_cluster),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_hosts_that_are_not_named),
        cmocka_unit_test(test_replicas_and_metadata_are_skipped),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_too_many_nodes),
        cmocka_unit_test(test_moved_slots),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
