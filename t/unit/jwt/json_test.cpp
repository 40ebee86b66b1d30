#include "jwt/core/json.hpp"

#include <array>
#include <string>
#include <string_view>

#include "expect.hpp"
#include "oom.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;
using namespace std::string_view_literals;

std::string repeated(std::string_view part, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) {
        out += part;
    }
    return out;
}

void accepts_rfc_8259(void**) {
    constexpr std::array kTexts{
        "{}"sv,
        "[]"sv,
        "\"\""sv,
        "0"sv,
        "-0"sv,
        "1e3"sv,
        "1.5E-3"sv,
        "true"sv,
        "false"sv,
        "null"sv,
        " \t\r\n1 "sv,
        R"({"a":{"a":1}})"sv,
        R"("\u00e9\ud83d\ude00\/\b\f")"sv,
        "9223372036854775807"sv,
        "-9223372036854775808"sv,
        "1.7976931348623157e308"sv,
        "1e-400"sv,
        R"({"":0})"sv,
        "\"\xc3\xa9\""sv,
        R"([{"a":1},{"a":2}])"sv,
    };
    for (const std::string_view text : kTexts) {
        expect(parse_json(text, {}).has_value(), text, "accepted");
    }
}

void refuses_the_rest(void**) {
    constexpr std::array kTexts{
        ""sv,
        " "sv,
        "{"sv,
        "}"sv,
        "[1,]"sv,
        "{,}"sv,
        R"({"a":1,})"sv,
        "[1 2]"sv,
        "01"sv,
        "+1"sv,
        ".5"sv,
        "1."sv,
        "NaN"sv,
        "Infinity"sv,
        "-Infinity"sv,
        "tru"sv,
        "True"sv,
        "nul"sv,
        "'a'"sv,
        "\"a"sv,
        "\"\\x\""sv,
        "\"\\u12\""sv,
        "\"\n\""sv,
        "\"\\\""sv,
        "{} {}"sv,
        "1 1"sv,
        "1,"sv,
        "[1]]"sv,
        "[1}"sv,
        "{a:1}"sv,
        R"({1:1})"sv,
        "/**/1"sv,
        "1//"sv,
        "\xef\xbb\xbf{}"sv,
        "{}\0"sv,
        // duplicates at any level, also when only their spelling differs
        R"({"a":1,"a":1})"sv,
        R"({"a":1,"\u0061":2})"sv,
        R"([{"b":{"a":1,"c":0,"a":2}}])"sv,
        // characters and numbers that cannot be kept
        R"("\u0000")"sv,
        R"({"\u0000":1})"sv,
        R"("\ud800")"sv,
        R"("\udc00\ud800")"sv,
        "9223372036854775808"sv,
        "-9223372036854775809"sv,
        "1e309"sv,
        "-1e309"sv,
        // not UTF-8: stray, truncated, overlong, surrogate, beyond Unicode
        "\"\x80\""sv,
        "\"\xc3\""sv,
        "\"\xc0\x80\""sv,
        "\"\xe0\x80\x80\""sv,
        "\"\xed\xa0\x80\""sv,
        "\"\xf4\x90\x80\x80\""sv,
        "\"\xff\""sv,
    };
    for (const std::string_view text : kTexts) {
        expect(!parse_json(text, {}), text, "refused");
    }
}

void objects_only_where_asked(void**) {
    assert_true(parse_json_object(" {\"a\":1} ", {}).has_value());
    for (const std::string_view text : {"[]"sv, "\"{}\""sv, "1"sv, "null"sv, "true"sv, ""sv}) {
        expect(!parse_json_object(text, {}), text, "refused");
    }
}

void depth_is_capped_before_parsing(void**) {
    const JsonLimits three{.depth = 3, .members = JsonLimits::kUnlimited};
    assert_true(parse_json("[[[0]]]", three).has_value());
    assert_true(parse_json("[[[]],[[]]]", three).has_value());
    assert_true(parse_json(R"(["[[[[","\"[[[[{{{{"])", three).has_value());
    assert_false(parse_json("[[[[]]]]", three).has_value());
    assert_false(parse_json(R"({"a":[{"b":{}}]})", three).has_value());
    assert_false(parse_json("]]]][[[[]]]]", three).has_value());
    // What would exhaust the stack of a recursive parser never reaches it.
    assert_false(parse_json(repeated("[", 1'000'000), {}).has_value());
    assert_false(parse_json(repeated("{\"a\":", 1'000'000), {}).has_value());
    // A limit that is set too high is jansson's to hold.
    const JsonLimits unlimited{.depth = JsonLimits::kUnlimited, .members = JsonLimits::kUnlimited};
    assert_false(parse_json(repeated("[", 100'000), unlimited).has_value());
    assert_true(parse_json("1", {.depth = 0, .members = 0}).has_value());
    assert_false(parse_json("[]", {.depth = 0, .members = 8}).has_value());
}

void members_of_all_levels_are_counted(void**) {
    const JsonLimits four{.depth = 64, .members = 4};
    assert_true(parse_json("[1,2,3,4]", four).has_value());
    assert_true(parse_json(R"({"a":[1,2,3]})", four).has_value());
    assert_true(parse_json(R"(["a,b,c,d,e,f","\",,,,,,"])", four).has_value());
    assert_false(parse_json("[1,2,3,4,5]", four).has_value());
    assert_false(parse_json(R"({"a":[1,2],"b":[3]})", four).has_value());
    assert_false(parse_json(R"({"a":1,"b":2,"c":3,"d":4,"e":5})", four).has_value());
    const std::string many = "[0" + repeated(",0", 99'999) + "]";
    assert_false(parse_json(many, {}).has_value());
    assert_true(parse_json(many, {.depth = 1, .members = JsonLimits::kUnlimited}).has_value());
}

void members_are_found_by_their_whole_name(void**) {
    const Json object = json(R"({"a":1,"ab":2,"":3,"\u00e9":4})");
    const auto number = [&](std::string_view name) {
        return json_integer_value(member(object.get(), name));
    };
    assert_int_equal(number("a"), 1);
    assert_int_equal(number("abc"sv.substr(0, 2)), 2);
    assert_int_equal(number(""), 3);
    assert_int_equal(number("\xc3\xa9"), 4);
    assert_null(member(object.get(), "b"));
    assert_null(member(object.get(), "a\0"sv));
    assert_null(member(json("[1]").get(), "a"));
    assert_null(member(json("\"a\"").get(), "a"));
    assert_null(member(nullptr, "a"));
}

void strings_are_told_from_the_rest(void**) {
    assert_true(string_of(json("\"a\"").get()) == "a");
    assert_true(string_of(json("\"\"").get()) == "");
    assert_false(string_of(nullptr).has_value());
    for (const std::string_view text : {"1"sv, "null"sv, "true"sv, "[\"a\"]"sv, "{}"sv}) {
        expect(!string_of(json(text).get()), text, "no string");
    }
}

void owns_its_references(void**) {
    Json a = json("[1]");
    const Json b = a;
    assert_ptr_equal(a.get(), b.get());
    const Json c = std::move(a);
    assert_null(a.get());
    assert_false(static_cast<bool>(a));
    assert_ptr_equal(c.get(), b.get());
    a = c;
    a = Json();
    assert_int_equal(json_array_size(b.get()), 1);
    assert_null(Json(nullptr).get());
}

void reports_that_memory_ran_out(void**) {
    bool wrong = false;
    for_each_failing_allocation([&] {
        const auto value = parse_json_object(R"({"a":["b",1.5]})", {});
        wrong |= value && string_of(json_array_get(member(value->get(), "a"), 0)) != "b";
    });
    assert_false(wrong);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(accepts_rfc_8259),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(objects_only_where_asked),
        cmocka_unit_test(depth_is_capped_before_parsing),
        cmocka_unit_test(members_of_all_levels_are_counted),
        cmocka_unit_test(members_are_found_by_their_whole_name),
        cmocka_unit_test(strings_are_told_from_the_rest),
        cmocka_unit_test(owns_its_references),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
