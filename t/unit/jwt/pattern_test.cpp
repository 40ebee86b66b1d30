// Pattern of jwt/core/requirement.hpp.

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "expect.hpp"
#include "jwt/core/requirement.hpp"
#include "oom.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;
using namespace std::string_view_literals;

// As long as a claim in a token of the default size can be.
constexpr std::size_t kLongClaim = 12'000;

struct Row {
    std::string_view expression, subject;
    bool found;
};

constexpr std::array<Row, 23> kRows{{
    {"", "", true},
    {"", "a", true},
    {"^$", "", true},
    {"^$", "a", false},
    {"b", "abc", true},
    {"^b", "abc", false},
    {"^a.c$", "abc", true},
    {"^[a-z]+@example\\.com$", "joe@example.com", true},
    {"^[a-z]+@example\\.com$", "joe@example.com.evil.test", false},
    {"A", "a", false},
    {"(?i)A", "a", true},
    {"^a$", "a\nb", false},
    {"(?m)^b$", "a\nb", true},
    {"^.$", "\xc3\xa9", true},
    {"^..$", "\xc3\xa9", false},
    {"\xc3\xa9", "caf\xc3\xa9", true},
    {"^\\x{1f600}$", "\xf0\x9f\x98\x80", true},
    {"a\0b"sv, "a\0b"sv, true},
    {"a\0b"sv, "a", false},
    {"(?<=x)a", "xa", true},
    {"^(a+)\\1$", "aaaa", true},
    {"^a\\z", "a\n", false},
    {"^a$", "a\n", false},
}};

void searches(void**) {
    for (const Row& row : kRows) {
        const auto pattern = Pattern::compile(row.expression);
        expect_error(error_of(pattern), Error::none, row.expression);
        for (int i = 0; i < 2; ++i) {  // a search leaves no trace
            expect(pattern->search(row.subject) == row.found, row.expression, row.subject);
        }
    }
}

void tells_syntax_errors(void**) {
    constexpr std::array kInvalid{"("sv, ")"sv, "["sv, "a{2,1}"sv, "*"sv, "(?<n>a)(?<n>b)"sv,
                                  "\\"sv, "(?P"sv, "[z-a]"sv, "\\8"sv, "\xff"sv, "\xc3"sv,
                                  // may leave the middle of a character
                                  "\\C"sv};
    for (const std::string_view expression : kInvalid) {
        expect_error(error_of(Pattern::compile(expression)), Error::pattern_syntax, expression);
    }
}

void tells_invalid_utf8_from_no_match(void**) {
    const auto pattern = Pattern::compile("a");
    for (const std::string_view subject :
         {"\xff"sv, "a\xff"sv, "\xc3"sv, "\xed\xa0\x80"sv, "\xc0\x80"sv}) {
        expect(pattern->search(subject) == std::nullopt, subject, "neither found nor not found");
    }
    assert_true(pattern->search("a") == true);
}

void gives_up_on_catastrophic_expressions(void**) {
    const std::string run(kLongClaim, 'a');
    for (const std::string_view expression :
         {"^(a+)+$"sv, "^(a|aa)+$"sv, "^(a|a?)+$"sv, "^(([a-z])+.)+[A-Z]([a-z])+$"sv, "(?R)"sv}) {
        const auto pattern = Pattern::compile(expression);
        expect_error(error_of(pattern), Error::none, expression);
        expect(pattern->search(run + '!') == std::nullopt, expression, "gave up");
        // and is none the worse for it
        expect(pattern->search("\xff") == std::nullopt, expression, "invalid UTF-8");
        expect(pattern->search("aaA1") != true, expression, "no match");
    }
    // Short values explode as well: this one takes a million steps.
    const auto pattern = Pattern::compile("^(a+)+$");
    assert_true(pattern->search(std::string(20, 'a') + '!') == std::nullopt);
}

// The limits are for expressions that explode, not for long values.
void finishes_sane_expressions_on_long_values(void**) {
    const std::string run(kLongClaim, 'a');
    std::string labels;
    while (labels.size() < kLongClaim) {
        labels += "label.";
    }
    const std::array<Row, 5> rows{{
        {"^(a|b)*$", run, true},
        {"^([a-z]+\\.)*$", labels, true},
        {"^(?:[a-z]+\\.)*example$", labels, false},
        {"(^| )admin( |$)", run, false},
        {"^.*a$", run, true},
    }};
    for (const Row& row : rows) {
        const auto pattern = Pattern::compile(row.expression);
        expect(pattern->search(row.subject) == row.found, row.expression, "finished");
    }
}

void can_be_moved(void**) {
    auto a = Pattern::compile("a");
    Pattern b = std::move(*a);
    assert_true(b.search("a") == true);
    b = std::move(*Pattern::compile("b"));
    assert_true(b.search("a") == false);
}

// Neither a compilation nor a search that failed is a search that found nothing.
void reports_that_memory_ran_out(void**) {
    bool wrong = false;
    for_each_failing_allocation([&] {
        const auto pattern = Pattern::compile("^a");
        if (pattern) {
            wrong |= pattern->search("ab") == false;
            wrong |= pattern->search("b") == true;
        }
    });
    assert_false(wrong);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(searches),
        cmocka_unit_test(tells_syntax_errors),
        cmocka_unit_test(tells_invalid_utf8_from_no_match),
        cmocka_unit_test(gives_up_on_catastrophic_expressions),
        cmocka_unit_test(finishes_sane_expressions_on_long_values),
        cmocka_unit_test(can_be_moved),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
