// What is done with JSON values once they are parsed: compared, and written again.

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

std::string written(const json_t* value) {
    std::string out;
    append_json(out, value);
    return out;
}

struct Order {
    std::string_view a, b;
    int expected;
};

// Around 2^53, where double stops to hold every integer, and 2^63, where json_int_t ends.
constexpr std::array<Order, 33> kOrders{{
    {"1", "1", 0},
    {"1", "2", -1},
    {"-1", "-2", 1},
    {"1", "1.0", 0},
    {"0", "-0.0", 0},
    {"-0", "0.0", 0},
    {"1", "1.5", -1},
    {"2", "1.5", 1},
    {"-1", "-1.5", 1},
    {"-2", "-1.5", -1},
    {"0", "5e-324", -1},
    {"0", "-5e-324", 1},
    {"1.5", "1.5", 0},
    {"1.5", "2.5", -1},
    {"9007199254740992", "9007199254740992.0", 0},
    {"9007199254740993", "9007199254740992.0", 1},
    {"9007199254740991", "9007199254740992.0", -1},
    {"9007199254740993", "9007199254740994.0", -1},
    {"-9007199254740993", "-9007199254740992.0", -1},
    {"9007199254740993", "9007199254740992", 1},
    {"9223372036854775807", "9223372036854775806", 1},
    {"9223372036854775807", "9223372036854775807.0", -1},  // which is 2^63
    {"9223372036854775807", "9223372036854774784.0", 1},   // the double before
    {"9223372036854774784", "9223372036854774784.0", 0},
    {"-9223372036854775808", "-9223372036854775808.0", 0},
    {"-9223372036854775807", "-9223372036854775808.0", 1},
    {"-9223372036854775808", "-9223372036854777856.0", 1},  // the double before
    {"-9223372036854775808", "-1e300", 1},
    {"9223372036854775807", "1e300", -1},
    {"9223372036854775807", "-1e300", 1},
    {"-9223372036854775808", "9223372036854775807", -1},
    {"1e300", "1e301", -1},
    {"-1.7976931348623157e308", "1.7976931348623157e308", -1},
}};

void numbers_are_compared_exactly(void**) {
    for (const Order& row : kOrders) {
        const Json a = json(row.a), b = json(row.b);
        const std::string name = std::string(row.a) + " and " + std::string(row.b);
        expect(compare_numbers(a.get(), b.get()) == row.expected, name, "order");
        expect(compare_numbers(b.get(), a.get()) == -row.expected, name, "the other way round");
        expect(equal(a.get(), b.get()) == (row.expected == 0), name, "equal");
    }
}

struct Pair {
    std::string_view a, b;
    bool equal;
};

constexpr std::array<Pair, 26> kPairs{{
    {"\"a\"", "\"a\"", true},
    {"\"a\"", R"("\u0061")", true},
    {"\"a\"", "\"A\"", false},
    {"\"a\"", "\"ab\"", false},
    {"\"1\"", "1", false},
    {"true", "true", true},
    {"true", "false", false},
    {"true", "1", false},
    {"false", "0", false},
    {"null", "null", true},
    {"null", "false", false},
    {"null", "0", false},
    {"null", "\"\"", false},
    {"[]", "{}", false},
    {"[]", "[]", true},
    {"{}", "{}", true},
    {"[1,2]", "[1.0,2]", true},
    {"[1,2]", "[2,1]", false},
    {"[1,2]", "[1,2,3]", false},
    {"[1]", "1", false},
    {R"({"a":1,"b":2})", R"({"b":2.0,"a":1})", true},
    {R"({"a":1})", R"({"a":1,"b":2})", false},
    {R"({"a":1,"c":2})", R"({"a":1,"b":2})", false},
    {R"({"a":null})", R"({"b":null})", false},
    {R"([{"a":[{"b":[1,{"c":null}]}]}])", R"([{"a":[{"b":[1.0,{"c":null}]}]}])", true},
    {R"([{"a":[{"b":[1,{"c":null}]}]}])", R"([{"a":[{"b":[1,{"c":false}]}]}])", false},
}};

void values_are_equal_all_the_way_down(void**) {
    for (const Pair& row : kPairs) {
        const Json a = json(row.a), b = json(row.b);
        expect(equal(a.get(), b.get()) == row.equal, row.a, row.b);
        expect(equal(b.get(), a.get()) == row.equal, row.b, row.a);
    }
}

struct Written {
    std::string_view text, expected;
};

constexpr std::array<Written, 20> kWritten{{
    {" { } ", "{}"},
    {" [ ] ", "[]"},
    {R"( { "b" : 1 , "a" : [ true , false , null ] } )", R"({"b":1,"a":[true,false,null]})"},
    {R"({"z":0,"y":0,"x":0,"w":0,"v":0,"u":0,"a":0})",
     R"({"z":0,"y":0,"x":0,"w":0,"v":0,"u":0,"a":0})"},
    {R"("\"\\\/\b\f\n\r\t\u001f")", R"("\"\\/\u0008\u000c\u000a\u000d\u0009\u001f")"},
    {R"({"\"\n":""})", R"({"\"\u000a":""})"},
    {R"("\u00e9\u2028\ud83d\ude00")", "\"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80\""},
    {R"("\u007f")", "\"\x7f\""},
    {"0", "0"},
    {"-1", "-1"},
    {"9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"0.1", "0.1"},
    {"1.50", "1.5"},
    {"0.30000000000000004", "0.30000000000000004"},
    {"-2.5e-3", "-0.0025"},
    {"5e-324", "5e-324"},
    {"1E+300", "1e+300"},
    {"1.7976931348623157e308", "1.7976931348623157e+308"},
    {"1700000000.25", "1700000000.25"},
}};

void writes_compact_json(void**) {
    for (const Written& row : kWritten) {
        expect_text(written(json(row.text).get()), row.expected, row.text);
    }
    std::string out = "kept:";
    append_json(out, json("[1]").get());
    assert_string_equal(out.c_str(), "kept:[1]");
}

// What was written must read back: a variable that holds a claim may be the expected value of a
// rule.
void what_is_written_reads_back_as_the_same_value(void**) {
    constexpr std::array kTexts{
        "1.0"sv,
        "-0.0"sv,
        "100000.0"sv,
        "1e5"sv,
        "123456789.0"sv,
        "1e15"sv,
        "9007199254740992.0"sv,
        "9223372036854774784.0"sv,
        "-9223372036854775808.0"sv,
        "9223372036854775808.0"sv,
        "-9223372036854777856.0"sv,
        "18446744073709551616.0"sv,
        "1.2345678901234568e+20"sv,
        "1e22"sv,
        "1e-7"sv,
        "2.2250738585072014e-308"sv,
        R"({"a":[1.0,"\u0001",{"":null}],"b":"\\\""})"sv,
    };
    for (const std::string_view text : kTexts) {
        const Json value = json(text);
        const auto again = parse_json(written(value.get()), {});
        expect(again && equal(value.get(), again->get()), text, written(value.get()));
    }
}

constexpr std::array<Written, 13> kTextual{{
    {"\"a\"", "a"},
    {R"("a,\"b\"\n")", "a,\"b\"\n"},
    {"\"\"", ""},
    {"null", ""},
    {"12", "12"},
    {"1.5", "1.5"},
    {"true", "true"},
    {"[]", ""},
    {R"(["a",1,null,true,"b c"])", "a,1,,true,b c"},
    {R"([["a","b"],"c"])", "a,b,c"},
    {R"([{"a":"b"}])", R"({"a":"b"})"},
    {R"({"a":["b"]})", R"({"a":["b"]})"},
    {"{}", "{}"},
}};

void shows_values_as_variables_do(void**) {
    for (const Written& row : kTextual) {
        std::string out;
        append_text(out, json(row.text).get());
        expect_text(out, row.expected, row.text);
    }
}

constexpr std::array<Written, 9> kCompacted{{
    {"", ""},
    {" \t\r\n", ""},
    {"{}", "{}"},
    {" { \"a\" : [ 1 ,\r\n\t2 ] } ", "{\"a\":[1,2]}"},
    {R"({"a b" : " c\" d "})", R"({"a b":" c\" d "})"},
    {R"([ "\\" , "\\\"" , " " ])", R"(["\\","\\\""," "])"},
    {"[ 1.50 , 1E3 , \"\\u0061\" ]", "[1.50,1E3,\"\\u0061\"]"},
    {"\" \xc3\xa9 \" ", "\" \xc3\xa9 \""},
    {R"({"b" :1, "a" :2})", R"({"b":1,"a":2})"},
}};

void compacts_without_touching_the_tokens(void**) {
    for (const Written& row : kCompacted) {
        expect_text(compact_json(row.text), row.expected, row.text);
    }
    // Not valid, but it must stay inside the text.
    assert_string_equal(compact_json("\" \\").c_str(), "\" \\");
    assert_string_equal(compact_json(" \"a ").c_str(), "\"a ");
}

void reports_that_memory_ran_out(void**) {
    constexpr std::string_view kText =
        R"({"a":["a long enough string to be on the heap",1.5,2,null]})";
    const Json value = json(kText);
    bool wrong = false;
    for_each_failing_allocation([&] {
        std::string text;
        append_text(text, member(value.get(), "a"));
        wrong |= text != "a long enough string to be on the heap,1.5,2,";
        wrong |= written(value.get()) != kText || compact_json(kText) != kText;
    });
    assert_false(wrong);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_compared_exactly),
        cmocka_unit_test(values_are_equal_all_the_way_down),
        cmocka_unit_test(writes_compact_json),
        cmocka_unit_test(what_is_written_reads_back_as_the_same_value),
        cmocka_unit_test(shows_values_as_variables_do),
        cmocka_unit_test(compacts_without_touching_the_tokens),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
