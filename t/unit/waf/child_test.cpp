// waf/core/child.hpp: what a child says, and what becomes of one that does not.

#include <csignal>
#include <stdexcept>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include "expect.hpp"
#include "waf/core/child.hpp"

namespace {

using namespace gatehouse::waf;
using namespace std::chrono_literals;

constexpr auto kLong = 60s;

void the_text_arrives(void**) {
    for (const std::string& text :
         {std::string(), std::string("one\n"), std::string("\0x", 2), std::string(1 << 20, 'x')}) {
        const Tried tried = try_in_child([&] { return text; }, kLong);
        assert_true(tried.done);
        assert_true(tried.text == text);
    }
}

void nothing_else_does(void**) {
    int number = 1;
    const Tried tried = try_in_child(
        [&] {
            number = 2;
            return std::to_string(number);
        },
        kLong);
    assert_string_equal(tried.text.c_str(), "2");
    assert_int_equal(number, 1);
}

void what_does_not_end_is_ended(void**) {
    const Tried tried = try_in_child(
        [] {
            for (;;) {
                ::pause();
            }
            return std::string();
        },
        1s);
    assert_false(tried.done);
    assert_string_equal(tried.text.c_str(), "it takes more than 1 s");
}

void harm_is_told(void**) {
    const auto harmed = [](const Tried& tried) {
        assert_false(tried.done);
        assert_string_equal(tried.text.c_str(), "the process that has tried it came to harm");
    };
    harmed(try_in_child([]() -> std::string { throw std::runtime_error("thrown"); }, kLong));
    harmed(try_in_child(
        []() -> std::string {
            ::raise(SIGKILL);
            return "text";
        },
        kLong));
    harmed(try_in_child([]() -> std::string { ::_exit(0); }, kLong));
}

// Run last: no child is left behind.
void they_are_all_gone(void**) { assert_int_equal(::waitpid(-1, nullptr, WNOHANG), -1); }

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_text_arrives),           cmocka_unit_test(nothing_else_does),
        cmocka_unit_test(what_does_not_end_is_ended), cmocka_unit_test(harm_is_told),
        cmocka_unit_test(they_are_all_gone),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
