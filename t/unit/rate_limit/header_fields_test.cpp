#include "rate_limit/core/header_fields.hpp"

#include <string>

#include "rate_limit/streams.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;

using Buffer = std::array<char, kFieldSize>;

std::string policy_field(std::string_view name, const Policy& policy) {
    Buffer buffer{};
    return std::string(write_policy(buffer, name, policy.windows()[0], policy.algorithm()));
}

std::string limit_field(std::string_view name, std::uint32_t remaining, std::int64_t reset) {
    Buffer buffer{};
    return std::string(write_limit(buffer, name, {true, 0, remaining, reset}));
}

void policies_are_written(void**) {
    struct Row {
        Policy policy;
        std::string_view expected;
    };
    const std::array kRows{
        Row{gcra_policy({"20r/10m"}), "\"api\";q=20;w=600"},
        Row{log_policy({"20r/10m"}), "\"api\";q=20;w=600"},
        Row{gcra_policy({"20r/10m"}, 40), "\"api\";q=40;w=1200"},
        Row{gcra_policy({"20r/10m"}, 1), "\"api\";q=1;w=30"},
        Row{gcra_policy({"3r/s"}, 4), "\"api\";q=4;w=2"},
        Row{gcra_policy({"1000r/s"}, 5), "\"api\";q=5;w=1"},
        Row{gcra_policy({"999999937r/366d"}), "\"api\";q=999999937;w=31622400"},
        Row{gcra_policy({"1r/366d"}, 142), "\"api\";q=142;w=4490380800"},
    };
    for (const Row& row : kRows) {
        expect_text(policy_field("api", row.policy), row.expected, name_of(row.policy));
    }
}

void limits_are_written(void**) {
    expect_text(limit_field("api", 13, 42 * kSecond), "\"api\";r=13;t=42", "whole seconds");
    expect_text(limit_field("api", 13, 42 * kSecond + 1), "\"api\";r=13;t=43", "rounded up");
    expect_text(limit_field("api", 0, 1), "\"api\";r=0;t=1", "never too early");
    expect_text(limit_field("api", 0, 0), "\"api\";r=0;t=0", "nothing to wait for");
    expect_text(limit_field("api", 0, -1), "\"api\";r=0;t=0", "no negative time");
    expect_text(limit_field("api", ~0U, INT64_MAX), "\"api\";r=4294967295;t=9223372036855",
                "the largest numbers");
}

void names_are_strings_of_rfc_9651(void**) {
    expect_text(limit_field("a b", 1, kSecond), "\"a b\";r=1;t=1", "a space");
    expect_text(limit_field("a\"b\\c", 1, kSecond), "\"a\\\"b\\\\c\";r=1;t=1", "escapes");
    expect_text(limit_field("~ {};,=", 1, kSecond), "\"~ {};,=\";r=1;t=1", "delimiters");
    for (const std::string_view name :
         {std::string_view(), std::string_view("a\n"), std::string_view("a\0b", 3),
          std::string_view("\x7f"), std::string_view("\xc3\xa9"), std::string_view("\x1f")}) {
        expect(!valid_name(name), name, "is no name");
        expect_text(limit_field(name, 1, kSecond), "", "is not written");
        expect_text(policy_field(name, gcra_policy({"1r/s"})), "", "is not written");
    }
}

void the_longest_names_fit(void**) {
    std::string plain, escaped;
    while (valid_name(plain + 'a')) {
        plain += 'a';
    }
    while (valid_name(escaped + '"')) {
        escaped += '"';
    }
    assert_true(plain.size() >= 255);
    assert_int_equal(escaped.size(), plain.size() / 2);
    assert_true(limit_field(plain, ~0U, INT64_MAX).ends_with("\";r=4294967295;t=9223372036855"));
    const Policy longest = gcra_policy({"1000000000r/366d"});
    assert_true(policy_field(plain, longest).ends_with("\";q=1000000000;w=31622400"));
    assert_int_equal(limit_field(escaped, 1, kSecond).size(), 2 * escaped.size() + 10);
}

void fields_of_others_are_known(void**) {
    for (const std::string_view name :
         {"RateLimit", "ratelimit", "RateLimit-Policy", "RateLimit-Limit", "X-RateLimit-Limit",
          "X-Ratelimit-Remaining-Minute", "x-rate-limit-reset", "X-RateLimit", "Rate-Limit-Used"}) {
        expect(is_limit_field(name), name, "says what is left");
    }
    for (const std::string_view name : {"", "X-", "Rate", "RateLimited", "X-RateLimits-A",
                                        "Retry-After", "X-X-RateLimit-Limit", "My-RateLimit"}) {
        expect(!is_limit_field(name), name, "says something else");
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(policies_are_written),          cmocka_unit_test(limits_are_written),
        cmocka_unit_test(names_are_strings_of_rfc_9651), cmocka_unit_test(the_longest_names_fit),
        cmocka_unit_test(fields_of_others_are_known),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
