#include "redis/core/url.hpp"

#include "expect.hpp"
#include "oom.hpp"

namespace {

using namespace gatehouse::redis;
using namespace gatehouse::test;

void addresses_are_no_urls(void**) {
    for (const std::string_view text :
         {"", "127.0.0.1", "127.0.0.1:6379", "redis.example:6379", "[::1]:6379", "::1", "a@b",
          "a/b", "http//a", "unix:", "unix:/run/redis.sock", "unix:///run/redis.sock", ":6379",
          "$host"}) {
        expect(!read_url(text), text, "is none");
    }
}

void urls_become_directives(void**) {
    const auto instead = [](std::string_view text, std::string_view expected) {
        const auto url = read_url(text);
        expect_text(url ? url->instead : "none", expected, text);
    };
    instead("redis://h", "\"server h;\"");
    instead("redis://h:6379/", "\"server h:6379;\"");
    instead("REDISS://[2001:db8::1]:1/15#x",
            "\"server [2001:db8::1]:1;\", \"tls on;\", \"database 15;\"");
    instead("valkeys://h", "\"server h;\", \"tls on;\"");
    instead("redis-socket:///a/b", "\"server unix:/a/b;\"");
    instead("redis-cluster://h", "\"server h;\", \"topology cluster;\"");
    for (const std::string_view text :
         {"redis://", "redis:///1", "redis://h:", "redis://h:0", "redis://h:x", "redis://[::1",
          "redis://[]", "redis://[::1]x", "redis://::1", "2001:db8::/32"}) {
        instead(text, "\"server address:port;\"");
    }
}

void nothing_secret_is_shown(void**) {
    for (const std::string_view text :
         {"redis://secret@h", "redis://u:secret@h:1/2", "redis://:secret@h", "redis://a@secret@h",
          "redis://:x/secret?y#z@h", "u:secret@h", "redis://h?password=secret", "redis://h#secret",
          "unix:///a?secret", "redis+unix://:secret@/a"}) {
        const auto url = read_url(text);
        expect(url && url->shown.find("secret") == std::string::npos, text, "keeps its secret");
        expect(url && url->instead.find("secret") == std::string::npos, text, "here, too");
    }
}

void reports_that_memory_ran_out(void**) {
    for_each_failing_allocation(
        [] { assert_true(read_url("redis://user:password@redis.example:6379/1").has_value()); });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_no_urls),
        cmocka_unit_test(urls_become_directives),
        cmocka_unit_test(nothing_secret_is_shown),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
