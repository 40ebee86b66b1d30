#include "jwt/core/path.hpp"

#include <array>
#include <string>
#include <string_view>

#include "expect.hpp"
#include "oom.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;
using namespace std::string_view_literals;

constexpr std::string_view kDocument = R"({
    "a": {"b": {"c": "abc"}, "b.c": "dotted", "": "empty", "null": null},
    "list": [10, [20, 21], {"x": 30}],
    "odd key": {"in\"side": "quoted", "\u00e9": "accent"},
    "a-b_c9": "bare", "_": "underscore", "0": "digit", "-1": "minus", "a.b": "outer dotted",
    "'a'": "single", "a::b": "colons", "[0]": "bracket"
})";

constexpr const char* kMissing = "(missing)";

std::string found(const Path& path, const Json& document) {
    const json_t* value = path.find(document.get());
    if (value == nullptr) {
        return kMissing;
    }
    std::string out;
    append_json(out, value);
    return out;
}

struct Row {
    std::string_view path, expected;
};

constexpr std::array<Row, 44> kJq{{
    {".a.b.c", R"("abc")"},
    {".a[\"b\"].c", R"("abc")"},
    {"[\"a\"][\"b\"][\"c\"]", R"("abc")"},
    {".[\"a\"].b", R"({"c":"abc"})"},
    {".\"a\".\"b\".\"c\"", R"("abc")"},
    {".a.\"b\".c", R"("abc")"},
    {".a[\"b.c\"]", R"("dotted")"},
    {".a.\"b.c\"", R"("dotted")"},
    {".a.\"\"", R"("empty")"},
    {".a[\"\"]", R"("empty")"},
    {".a.null", "null"},
    {".\"odd key\".\"in\\\"side\"", R"("quoted")"},
    {".\"odd key\".\"\\u00e9\"", "\"accent\""},
    {".\"odd key\".\"\xc3\xa9\"", "\"accent\""},
    {".\"a.b\"", R"("outer dotted")"},
    {".a-b_c9", R"("bare")"},
    {"._", R"("underscore")"},
    {".\"0\"", R"("digit")"},
    {"[\"[0]\"]", R"("bracket")"},
    {".list[0]", "10"},
    {".list.[0]", "10"},
    {".list[1]", "[20,21]"},
    {".list[1][1]", "21"},
    {".list[2].x", "30"},
    {".list[-1].x", "30"},
    {".list[-3]", "10"},
    {".list[-2][-2]", "20"},
    // a step that does not exist or does not apply
    {".b", kMissing},
    {".a.b.c.d", kMissing},
    {".a.b.c[0]", kMissing},
    {".a.null.x", kMissing},
    {".a[0]", kMissing},
    {"[0]", kMissing},
    {"[-1]", kMissing},
    {".list.x", kMissing},
    {".list[\"0\"]", kMissing},
    {".list[3]", kMissing},
    {".list[-4]", kMissing},
    {".list[9223372036854775807]", kMissing},
    {".list[-9223372036854775808]", kMissing},
    {".list[2][0]", kMissing},
    {".A", kMissing},
    {".lis", kMissing},
    {".listx", kMissing},
}};

void jq_paths_find(void**) {
    const Json document = json(kDocument);
    for (const Row& row : kJq) {
        expect(Path::looks_like_jq(row.path), row.path, "looks like jq");
        const auto path = Path::parse_jq(row.path);
        expect_error(error_of(path), Error::none, row.path);
        expect_text(found(*path, document), row.expected, row.path);
    }
}

void jq_syntax_errors_are_told(void**) {
    constexpr std::array kInvalid{
        ""sv,
        "."sv,
        ".."sv,
        "..a"sv,
        ".a."sv,
        ".a..b"sv,
        "a"sv,
        "a.b"sv,
        " .a"sv,
        ".a "sv,
        ". a"sv,
        ".a b"sv,
        ".0"sv,
        ".-a"sv,
        ".9a"sv,
        ".a.1"sv,
        ".\xc3\xa9"sv,
        ".a$"sv,
        ".a|.b"sv,
        ".a,.b"sv,
        ".a?"sv,
        ".a[]"sv,
        "["sv,
        "[]"sv,
        "[a]"sv,
        "[0"sv,
        "[0]]"sv,
        "[0]a"sv,
        "[0]\"a\""sv,
        "[ 0]"sv,
        "[0 ]"sv,
        "[+1]"sv,
        "[--1]"sv,
        "[1.5]"sv,
        "[1e1]"sv,
        "[0:1]"sv,
        "[-]"sv,
        "[0x1]"sv,
        "[9223372036854775808]"sv,
        "[-9223372036854775809]"sv,
        ".\""sv,
        ".\"a"sv,
        ".\"a\\\""sv,
        ".\"\\x\""sv,
        ".\"\\ud800\""sv,
        ".\"\\u0000\""sv,
        ".\"\xff\""sv,
        ".\"a\"b"sv,
        ".a\"b\""sv,
        "[\"a]"sv,
        "[\"a\""sv,
        "[\"a\"b]"sv,
        "['a']"sv,
        ".'a'"sv,
        ".[.a]"sv,
        ".[[0]]"sv,
        ".a\0"sv,
        ".\"\n\""sv,
        "\"a\""sv,
        ".a\\"sv,
        ".\"\\"sv,
    };
    for (const std::string_view text : kInvalid) {
        expect_error(error_of(Path::parse_jq(text)), Error::path_syntax, text);
    }
    for (const std::string_view text : {""sv, "a"sv, "a.b"sv, "\"a\""sv, " .a"sv, "x[0]"sv}) {
        expect(!Path::looks_like_jq(text), text, "a plain name");
    }
}

void plain_names_are_taken_literally(void**) {
    const Json document = json(kDocument);
    const auto find = [&](std::vector<std::string> names) {
        return found(Path::of_names(std::move(names)), document);
    };
    assert_string_equal(find({"a", "b", "c"}).c_str(), "\"abc\"");
    assert_string_equal(find({"a", "b.c"}).c_str(), "\"dotted\"");
    assert_string_equal(find({"[0]"}).c_str(), "\"bracket\"");
    assert_string_equal(find({"0"}).c_str(), "\"digit\"");
    assert_string_equal(find({"list", "0"}).c_str(), kMissing);
    assert_string_equal(find({"a", ""}).c_str(), "\"empty\"");
    assert_string_equal(find({"a", "b", "c", "d"}).c_str(), kMissing);
    assert_ptr_equal(Path::of_names({}).find(document.get()), document.get());
    assert_null(Path::of_names({"a"}).find(nullptr));
    assert_null(Path::of_names({}).find(nullptr));
    assert_null(Path::parse_jq("[0]")->find(nullptr));
}

struct Delimited {
    std::string_view text, delimiter, quote, expected;
};

constexpr std::array<Delimited, 22> kDelimited{{
    {"a.b.c", ".", "\"", R"("abc")"},
    {"a", ".", "\"", R"({"b":{"c":"abc"},"b.c":"dotted","":"empty","null":null})"},
    {"a.\"b.c\"", ".", "\"", R"("dotted")"},
    {"\"a\".\"b\".\"c\"", ".", "\"", R"("abc")"},
    {"\"a.b\"", ".", "\"", R"("outer dotted")"},
    {"a.b", "::", "\"", R"("outer dotted")"},
    {"a::b::c", "::", "\"", R"("abc")"},
    {"a::b.c", "::", "\"", R"("dotted")"},
    {"a:b", "::", "\"", kMissing},
    {"''a::b''", "::", "''", R"("colons")"},
    {"''a''::''b.c''", "::", "''", R"("dotted")"},
    {"'a'", "::", "''", R"("single")"},
    {"<q>a.b<q>", ".", "<q>", R"("outer dotted")"},
    {"<q>a<q>.<q>b<q>.c", ".", "<q>", R"("abc")"},
    {"odd key.in\"side", ".", "'", R"("quoted")"},
    {"odd key", ".", "\"", "{\"in\\\"side\":\"quoted\",\"\xc3\xa9\":\"accent\"}"},
    {"a-b_c9", ".", "\"", R"("bare")"},
    {"a-b_c9", "-", "\"", kMissing},
    {"list.0", ".", "\"", kMissing},
    {"[0]", ".", "\"", R"("bracket")"},
    {"a.b.c.d", ".", "\"", kMissing},
    {"axbxc", "x", "\"", R"("abc")"},
}};

void delimited_paths_find(void**) {
    const Json document = json(kDocument);
    for (const Delimited& row : kDelimited) {
        const auto path = Path::parse_delimited(row.text, row.delimiter, row.quote);
        expect_error(error_of(path), Error::none, row.text);
        expect_text(found(*path, document), row.expected, row.text);
    }
}

void delimited_syntax_errors_are_told(void**) {
    struct Invalid {
        std::string_view text, delimiter, quote;
    };
    constexpr std::array<Invalid, 20> kInvalid{{
        {"", ".", "\""},           {".", ".", "\""},        {"a.", ".", "\""},
        {".a", ".", "\""},         {"a..b", ".", "\""},     {"a::", "::", "\""},
        {"::a", "::", "\""},       {"a::::b", "::", "\""},  {"\"\"", ".", "\""},
        {"a.\"\"", ".", "\""},     {"\"", ".", "\""},       {"\"a", ".", "\""},
        {"a.\"b", ".", "\""},      {"\"a\"b", ".", "\""},   {"\"a\" .b", ".", "\""},
        {"\"a\"\"b\"", ".", "\""}, {"\"a\":b", "::", "\""}, {"''a", ".", "''"},
        {"''a'", ".", "''"},       {"\"a\".", ".", "\""},
    }};
    for (const Invalid& row : kInvalid) {
        expect_error(error_of(Path::parse_delimited(row.text, row.delimiter, row.quote)),
                     Error::path_syntax, row.text);
    }
}

void reports_that_memory_ran_out(void**) {
    const Json document = json(kDocument);
    bool wrong = false;
    for_each_failing_allocation([&] {
        const auto jq = Path::parse_jq(".\"odd key\"[\"in\\\"side\"]");
        wrong |= jq && found(*jq, document) != R"("quoted")";
        const auto delimited = Path::parse_delimited("a.\"b.c\"", ".", "\"");
        wrong |= !delimited || found(*delimited, document) != R"("dotted")";
        const auto names = Path::of_names({"a", "b", "a name that does not fit into the object"});
        wrong |= names.find(document.get()) != nullptr;
    });
    assert_false(wrong);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(jq_paths_find),
        cmocka_unit_test(jq_syntax_errors_are_told),
        cmocka_unit_test(plain_names_are_taken_literally),
        cmocka_unit_test(delimited_paths_find),
        cmocka_unit_test(delimited_syntax_errors_are_told),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
