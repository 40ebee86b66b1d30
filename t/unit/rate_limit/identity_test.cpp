#include "rate_limit/core/identity.hpp"

#include <string>
#include <string_view>

#include "expect.hpp"
#include "jose.hpp"
#include "oom.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;
using namespace std::string_view_literals;

std::string of(KeyKind kind, std::string_view value, unsigned prefix = 64) {
    std::array<char, 17> storage{};
    return std::string(identity(kind, value, prefix, storage));
}

std::string binary(std::string_view hex, unsigned prefix = 64) {
    return of(KeyKind::binary_address, unhex(hex), prefix);
}

std::string text(std::string_view address, unsigned prefix = 64) {
    return of(KeyKind::address, address, prefix);
}

void texts_are_what_they_are(void**) {
    for (const std::string_view value : {""sv, "subject"sv, "a\0b"sv, "abcd"sv, "192.0.2.1"sv,
                                         "0123456789abcdef"sv, "::ffff:192.0.2.1"sv}) {
        expect_text(of(KeyKind::text, value), value, value);
    }
}

void addresses_are_what_they_mean(void**) {
    const std::string ipv4 = binary("c0000201");
    assert_int_equal(ipv4.size(), 5);
    expect_text(text("192.0.2.1"), ipv4, "text");
    expect_text(text("::ffff:192.0.2.1"), ipv4, "mapped text");
    expect_text(text("::ffff:c000:201", 8), ipv4, "mapped text, hexadecimal");
    expect_text(binary("00000000000000000000ffffc0000201", 0), ipv4, "mapped");
    assert_true(binary("c0000202") != ipv4);
    assert_true(text("::192.0.2.1", 128) != ipv4);

    const std::string ipv6 = binary("20010db8000000010000000000000000");
    assert_int_equal(ipv6.size(), 17);
    expect_text(text("2001:db8:0:1::"), ipv6, "text");
    expect_text(text("2001:DB8:0:1:ffff:ffff:ffff:ffff"), ipv6, "the same network");
    assert_true(text("2001:db8:0:2::") != ipv6);
}

void prefixes_cut_at_any_bit(void**) {
    constexpr std::string_view kOnes = "ffffffffffffffffffffffffffffffff";
    for (unsigned prefix = 0; prefix <= 128; ++prefix) {
        const std::string cut = binary(kOnes, prefix);
        unsigned ones = 0;
        bool ended = false;
        for (const char octet : cut.substr(1)) {
            for (unsigned bit = 0x80; bit != 0; bit >>= 1) {
                const bool one = (static_cast<unsigned char>(octet) & bit) != 0;
                assert_false(one && ended);
                ones += one ? 1 : 0;
                ended |= !one;
            }
        }
        assert_int_equal(ones, prefix);
    }
    expect_text(binary(kOnes, 129), binary(kOnes, 128), "no longer than an address");
    expect_text(binary(kOnes, ~0U), binary(kOnes, 128), "no longer than an address");
}

void what_is_no_address_stays_what_it_is(void**) {
    for (const std::string_view value :
         {""sv, "unix:"sv, "unix:/run/peer.s"sv, "192.0.2.1\0"sv, "192.0.2"sv, "192.0.2.256"sv,
          "fe80::1%eth0"sv, "[2001:db8::1]"sv, "2001:db8::1::"sv, "localhost"sv,
          "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa"sv}) {
        expect_text(text(value), value, value);
        // Four or sixteen octets are an address by their number.
        expect_text(of(KeyKind::binary_address, value), value, value);
    }
}

void identity_keys_differ_in_every_part(void**) {
    const auto same = [](const gatehouse::base::SipKey& a, const gatehouse::base::SipKey& b) {
        return a.k0 == b.k0 && a.k1 == b.k1;
    };
    const auto key = identity_key("secret", "zone", "$key");
    assert_true(same(key, identity_key("secret", "zone", "$key")));
    assert_false(same(key, identity_key("Secret", "zone", "$key")));
    assert_false(same(key, identity_key("", "zone", "$key")));
    assert_false(same(key, identity_key("secret", "zon", "$key")));
    assert_false(same(key, identity_key("secret", "zone", "$ke")));
    assert_false(same(key, identity_key("secretz", "one", "$key")));
    assert_false(same(key, identity_key("secret", "zone$", "key")));
    // Other nodes, and this one after an upgrade, must find the same keys in Redis.
    assert_true(key.k0 == 0x88ec32c4cbc71aae && key.k1 == 0x109e6038e84b08f7);
}

void redis_keys_have_one_form(void**) {
    const gatehouse::base::Hash128 hash{0x0706050403020100, 0x0f0e0d0c0b0a0908};
    expect_text(redis_key("gw:", "api", Algorithm::gcra, hash),
                "gw:api:g:000102030405060708090a0b0c0d0e0f", "gcra");
    expect_text(redis_key("", "a{b}c", Algorithm::sliding_window, hash),
                "a_b_c:s:000102030405060708090a0b0c0d0e0f", "sliding_window");
    expect_text(redis_key("{x}:", "api", Algorithm::gcra, hash).substr(0, 10),
                "_x_:api:g:", "no hash tag");
}

void reports_that_memory_ran_out(void**) {
    const auto expected = identity_key("secret", "zone", "$key");
    const std::string long_prefix(100, 'p');
    bool wrong = false;
    for_each_failing_allocation([&] {
        const auto key = identity_key("secret", "zone", "$key");
        wrong |= key.k0 != expected.k0 || key.k1 != expected.k1;
        wrong |= !redis_key(long_prefix, "api", Algorithm::gcra, {}).starts_with(long_prefix);
    });
    assert_false(wrong);
}

void keys_are_told_by_their_expression(void**) {
    using gatehouse::base::is_connection_address;
    using gatehouse::base::key_kind;
    for (const std::string_view key :
         {"$binary_remote_addr"sv, "${binary_remote_addr}"sv, "$Binary_Remote_ADDR"sv}) {
        assert_true(key_kind(key) == KeyKind::binary_address && is_connection_address(key));
    }
    for (const std::string_view key : {"$remote_addr"sv, "${remote_addr}"sv, "$REMOTE_addr"sv}) {
        assert_true(key_kind(key) == KeyKind::address && is_connection_address(key));
    }
    for (const std::string_view key : {"$realip_remote_addr"sv, "${proxy_protocol_addr}"sv}) {
        assert_true(key_kind(key) == KeyKind::address && !is_connection_address(key));
    }
    for (const std::string_view key :
         {""sv, "$"sv, "${"sv, "${}"sv, "remote_addr"sv, "$remote_addr "sv, "$remote_addr$host"sv,
          "${remote_addr}x"sv, "${remote_addr"sv, "$remote_addr_prefix_64"sv, "$server_addr"sv,
          "$remote`addr"sv,
          "$remote\x7f"
          "addr"sv}) {
        assert_true(key_kind(key) == KeyKind::text && !is_connection_address(key));
    }
}

void addresses_are_shown_with_their_prefix(void**) {
    using gatehouse::base::address_text;
    expect_text(address_text(text("192.0.2.1"), 64), "192.0.2.1", "IPv4");
    expect_text(address_text(text("::ffff:192.0.2.1"), 64), "192.0.2.1", "mapped");
    expect_text(address_text(text("2001:DB8:0:1:2::3"), 64), "2001:db8:0:1::/64", "IPv6");
    expect_text(address_text(text("2001:db8::1", 128), 128), "2001:db8::1", "all of it");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_what_they_are),
        cmocka_unit_test(addresses_are_what_they_mean),
        cmocka_unit_test(prefixes_cut_at_any_bit),
        cmocka_unit_test(what_is_no_address_stays_what_it_is),
        cmocka_unit_test(identity_keys_differ_in_every_part),
        cmocka_unit_test(keys_are_told_by_their_expression),
        cmocka_unit_test(addresses_are_shown_with_their_prefix),
        cmocka_unit_test(redis_keys_have_one_form),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
