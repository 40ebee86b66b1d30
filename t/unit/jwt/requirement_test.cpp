#include "jwt/core/requirement.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "expect.hpp"
#include "oom.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;
using namespace std::string_view_literals;

// What an operator makes of two values. A type error stays one under negation.
enum class Outcome { yes, no, type_error };
using enum Outcome;

struct Row {
    std::string_view op, claim, expected;
    Outcome outcome;
};

constexpr std::array<Row, 34> kEquality{{
    {"eq", "\"a\"", "\"a\"", yes},
    {"eq", "\"a\"", "\"A\"", no},
    {"eq", "\"1\"", "1", no},
    {"eq", "1", "1.0", yes},
    {"eq", "9007199254740993", "9007199254740992.0", no},
    {"eq", "true", "true", yes},
    {"eq", "true", "1", no},
    {"eq", "null", "null", yes},
    {"eq", "null", "\"\"", no},
    {"eq", "[1,{\"a\":[]}]", "[1.0,{\"a\":[]}]", yes},
    {"eq", "[1,2]", "[2,1]", no},
    {"eq", "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", yes},
    {"eq", "[\"a\"]", "\"a\"", no},
    // in: the claim among the elements, or among the names
    {"in", "\"a\"", "[\"b\",\"a\"]", yes},
    {"in", "\"a\"", "[\"b\",\"ab\"]", no},
    {"in", "\"a\"", "[]", no},
    {"in", "1", "[1.0]", yes},
    {"in", "\"1\"", "[1]", no},
    {"in", "null", "[null]", yes},
    {"in", "[1]", "[[1],2]", yes},
    {"in", "[1]", "[1,2]", no},
    {"in", "{\"a\":1}", "[{\"a\":1}]", yes},
    {"in", "\"a\"", "{\"a\":null}", yes},
    {"in", "\"a\"", "{\"A\":1}", no},
    {"in", "\"\"", "{}", no},
    {"in", "1", "{\"1\":1}", type_error},
    {"in", "null", "{\"null\":1}", type_error},
    {"in", "[\"a\"]", "{\"a\":1}", type_error},
    {"in", "{\"a\":1}", "{\"a\":1}", type_error},
    {"in", "\"a\"", "\"abc\"", type_error},
    {"in", "\"a\"", "\"a\"", type_error},
    {"in", "1", "1", type_error},
    {"in", "true", "true", type_error},
    {"in", "null", "null", type_error},
}};

constexpr std::array<Row, 19> kIntersection{{
    {"intersect", "[\"a\",\"b\"]", "[\"b\",\"c\"]", yes},
    {"intersect", "[\"a\",\"b\"]", "[\"c\"]", no},
    {"intersect", "[\"ab\"]", "[\"a\",\"b\"]", no},
    {"intersect", "[]", "[\"a\"]", no},
    {"intersect", "[\"a\"]", "[]", no},
    {"intersect", "[]", "[]", no},
    {"intersect", "\"a\"", "[\"b\",\"a\"]", yes},
    {"intersect", "\"a b\"", "[\"b\",\"a\"]", no},
    {"intersect", "1", "[1.0]", yes},
    {"intersect", "[1,\"1\"]", "[1.5,\"1\"]", yes},
    {"intersect", "true", "[false]", no},
    {"intersect", "null", "[null]", yes},
    {"intersect", "[{\"a\":1}]", "[{\"a\":1.0}]", yes},
    {"intersect", "[[1]]", "[1]", no},
    {"intersect", "{\"a\":1}", "[\"a\"]", type_error},
    {"intersect", "{\"a\":1}", "[{\"a\":1}]", type_error},
    {"intersect", "[\"a\"]", "\"a\"", type_error},
    {"intersect", "\"a\"", "\"a\"", type_error},
    {"intersect", "[\"a\"]", "{\"a\":1}", type_error},
}};

constexpr std::array<Row, 32> kOrder{{
    {"gt", "2", "1", yes},
    {"gt", "1", "1", no},
    {"gt", "1", "1.0", no},
    {"gt", "1.5", "1", yes},
    {"gt", "0", "1", no},
    {"gt", "9007199254740993", "9007199254740992.0", yes},
    {"gt", "9223372036854775807", "9223372036854775808.0", no},
    {"ge", "2", "1", yes},
    {"ge", "1", "1.0", yes},
    {"ge", "0", "1", no},
    {"lt", "1", "2", yes},
    {"lt", "1", "1", no},
    {"lt", "-1.5", "-1", yes},
    {"lt", "2", "1", no},
    {"le", "1", "2", yes},
    {"le", "1.0", "1", yes},
    {"le", "2", "1", no},
    // numbers only
    {"gt", "\"2\"", "1", type_error},
    {"gt", "2", "\"1\"", type_error},
    {"gt", "\"b\"", "\"a\"", type_error},
    {"gt", "true", "0", type_error},
    {"ge", "null", "0", type_error},
    {"ge", "[2]", "1", type_error},
    {"ge", "\"\"", "0", type_error},
    {"ge", "{}", "{}", type_error},
    {"lt", "\"1\"", "2", type_error},
    {"lt", "1", "null", type_error},
    {"lt", "false", "true", type_error},
    {"lt", "[]", "1", type_error},
    {"le", "1", "[2]", type_error},
    {"le", "{}", "1", type_error},
    {"le", "1", "true", type_error},
}};

constexpr std::array<Row, 14> kMatch{{
    {"match", "\"joe@example.com\"", R"("@example\\.com$")", yes},
    {"match", "\"joe@example.com.test\"", R"("@example\\.com$")", no},
    {"match", "\"abc\"", "\"b\"", yes},
    {"match", "\"abc\"", "\"^b\"", no},
    {"match", "\"\"", "\"^$\"", yes},
    {"match", "\"\\u00e9\"", "\"^.$\"", yes},
    {"match", "1", "\"1\"", type_error},
    {"match", "true", "\"true\"", type_error},
    {"match", "null", "\"\"", type_error},
    {"match", "[\"a\"]", "\"a\"", type_error},
    {"match", "{\"a\":1}", "\"a\"", type_error},
    {"match", "\"a\"", "1", type_error},
    {"match", "\"a\"", "[\"a\"]", type_error},
    {"match", "\"a\"", "null", type_error},
}};

constexpr std::string_view kPath = ".a.claim";

Json document(std::string_view claim) {
    return json("{\"a\":{\"claim\":" + std::string(claim) + "},\"b\":1}");
}

Path path(std::string_view text = kPath) { return std::move(*Path::parse_jq(text)); }

Operator op(std::string_view text) {
    const auto parsed = Operator::parse(text);
    expect_error(error_of(parsed), Error::none, text);
    return *parsed;
}

std::string name_of(std::string_view op_name, const Row& row) {
    return std::string(row.claim) + ' ' + std::string(op_name) + ' ' + std::string(row.expected);
}

// An expected value of a type that no claim can meet is an error of the configuration; else the
// literal decides as the dynamic one does.
void check(const Row& row, std::string_view op_name, bool met) {
    const std::string name = name_of(op_name, row);
    const Json root = document(row.claim);
    const Requirement dynamic = Requirement::dynamic(path(), op(op_name));
    expect(dynamic.is_dynamic(), name, "dynamic");
    expect(dynamic.met_by(root.get(), row.expected) == met, name, "dynamic");
    const auto literal = Requirement::literal(path(), op(op_name), json(row.expected));
    if (literal) {
        expect(!literal->is_dynamic(), name, "literal");
        expect(literal->met_by(root.get(), "") == met, name, "literal");
        expect(literal->met_by(root.get(), "\"ignored\"") == met, name, "literal, with a value");
    } else {
        expect_error(literal.error(), Error::value_type, name);
        expect(row.outcome == type_error, name, "the type fits");
    }
}

template <std::size_t N>
void check_rows(const std::array<Row, N>& rows) {
    for (const Row& row : rows) {
        const std::string positive(row.op);
        check(row, positive, row.outcome == yes);
        check(row, '!' + positive, row.outcome == no);
        for (const auto& [name, opposite] :
             {std::pair{"eq", "ne"}, {"in", "nin"}, {"intersect", "nintersect"}}) {
            if (row.op == name) {
                check(row, opposite, row.outcome == no);
                check(row, std::string("!") + opposite, row.outcome == yes);
            }
        }
        if (row.op == "intersect") {
            check(row, "any", row.outcome == yes);
            check(row, "!any", row.outcome == no);
        }
    }
}

void equality_and_membership(void**) { check_rows(kEquality); }
void intersection(void**) { check_rows(kIntersection); }
void order(void**) { check_rows(kOrder); }
void match(void**) { check_rows(kMatch); }

constexpr std::array kOperators{"eq"sv, "ne"sv,  "gt"sv,  "ge"sv,        "lt"sv,         "le"sv,
                                "in"sv, "nin"sv, "any"sv, "intersect"sv, "nintersect"sv, "match"sv};

void operators_are_known_by_name(void**) {
    for (const std::string_view name : kOperators) {
        const Operator plain = op(name);
        const Operator negated = op('!' + std::string(name));
        expect(plain.comparison == negated.comparison && plain.negated != negated.negated, name,
               "negation");
    }
    for (const std::string_view name :
         {""sv, "!"sv, "!!eq"sv, "! eq"sv, "EQ"sv, "eq "sv, "=="sv, "="sv, "nany"sv, "nmatch"sv,
          "nmat"sv, "ngt"sv, "!!ne"sv, "eq!"sv, "equal"sv, "e"sv}) {
        expect_error(error_of(Operator::parse(name)), Error::operator_unknown, name);
    }
}

// A value that would satisfy each operator, so that what is missing decides.
std::string_view fitting(std::string_view name) {
    switch (op(name).comparison) {
    case Comparison::in:
    case Comparison::intersect:
        return "[null]";
    case Comparison::match:
        return "\"\"";
    case Comparison::eq:
        return "null";
    default:
        return "0";
    }
}

void a_missing_value_rejects(void**) {
    const Json root = document("1");
    for (const std::string_view name : kOperators) {
        for (const std::string prefix : {"", "!"}) {
            const std::string op_name = prefix + std::string(name);
            for (const std::string_view place :
                 {".a.other", ".other", ".a.claim.x", ".a[0]", ".b.claim"}) {
                const auto literal =
                    Requirement::literal(path(place), op(op_name), json(fitting(name)));
                expect(literal.ok() && !literal->met_by(root.get(), ""), op_name, place);
                const auto dynamic = Requirement::dynamic(path(place), op(op_name));
                expect(!dynamic.met_by(root.get(), fitting(name)), op_name, place);
                expect(!dynamic.met_by(nullptr, fitting(name)), op_name, "no document");
            }
        }
    }
}

void a_dynamic_value_that_is_not_json_rejects(void**) {
    const Json root = document("\"a\"");
    const std::string deep = std::string(100, '[') + std::string(100, ']');
    for (const std::string_view name : kOperators) {
        for (const std::string prefix : {"", "!"}) {
            const std::string op_name = prefix + std::string(name);
            const auto requirement = Requirement::dynamic(path(), op(op_name));
            for (const std::string_view text : {""sv, "a"sv, "[\"a\""sv, "[\"a\"] x"sv,
                                                "{\"a\":1,\"a\":1}"sv, std::string_view(deep)}) {
                expect(!requirement.met_by(root.get(), text), op_name, text);
            }
        }
    }
}

void a_dynamic_string_is_text(void**) {
    const auto met = [](std::string_view claim, std::string_view name, std::string_view text) {
        const auto requirement = Requirement::dynamic_string(path(), op(name));
        return requirement->met_by(document(claim).get(), text);
    };
    assert_true(met("\"a.example\"", "eq", "a.example"));
    assert_false(met("\"a.example\"", "ne", "a.example"));
    assert_true(met("\"a.example\"", "ne", "b.example"));
    assert_true(met("\"\\\"a\\\"\"", "eq", "\"a\""));  // its quotes are its own
    assert_false(met("1", "eq", "1"));
    assert_true(met("1", "ne", "1"));
    assert_true(met("\"user@a\"", "match", "@a$"));
    // Nothing to compare with: neither equal nor different.
    for (const std::string_view name : {"eq", "ne", "match", "!match"}) {
        expect(!met("\"\"", name, ""), name, "empty");
        expect(!met("\"a\"", name, ""), name, "empty");
        expect(!met("\"a\"", name, "\xff"), name, "not UTF-8");
    }
    for (const std::string_view name : {"gt", "le", "in", "nin", "any", "!intersect"}) {
        expect_error(error_of(Requirement::dynamic_string(path(), op(name))), Error::value_type,
                     name);
    }
}

void literals_that_can_never_fit_are_refused(void**) {
    const auto error = [](std::string_view name, std::string_view value) {
        return error_of(Requirement::literal(path(), op(name), json(value)));
    };
    for (const std::string_view name : {"gt", "ge", "lt", "le", "!gt", "!le"}) {
        for (const std::string_view value : {"\"1\"", "null", "true", "[1]", "{}"}) {
            expect_error(error(name, value), Error::value_type, name);
        }
    }
    for (const std::string_view name : {"in", "nin", "!in"}) {
        for (const std::string_view value : {"\"a\"", "1", "null", "true"}) {
            expect_error(error(name, value), Error::value_type, name);
        }
    }
    for (const std::string_view name : {"any", "intersect", "nintersect", "!any"}) {
        for (const std::string_view value : {"\"a\"", "1", "null", "true", "{}"}) {
            expect_error(error(name, value), Error::value_type, name);
        }
    }
    for (const std::string_view name : {"match", "!match"}) {
        for (const std::string_view value : {"1", "null", "true", "[\"a\"]", "{}"}) {
            expect_error(error(name, value), Error::value_type, name);
        }
        expect_error(error(name, "\"(\""), Error::pattern_syntax, name);
    }
}

// A pattern that gives up, or does not compile, has neither matched nor not matched.
void an_undecided_match_rejects(void**) {
    const Json root = document('"' + std::string(3000, 'a') + "!\"");
    for (const std::string_view name : {"match", "!match"}) {
        const auto literal = Requirement::literal(path(), op(name), json("\"^(a+)+$\""));
        expect(literal.ok() && !literal->met_by(root.get(), ""), name, "literal");
        const auto dynamic = Requirement::dynamic(path(), op(name));
        expect(!dynamic.met_by(root.get(), "\"^(a+)+$\""), name, "dynamic");
        expect(!dynamic.met_by(root.get(), "\"(\""), name, "bad syntax");
    }
}

void reports_that_memory_ran_out(void**) {
    const Json root = document("[\"a\",\"b\"]");
    const Json text = document("\"abc\"");
    bool wrong = false;
    for_each_failing_allocation([&] {
        const auto any = Requirement::dynamic(path(), op("any"));
        const auto none = Requirement::dynamic(path(), op("nintersect"));
        any.met_by(root.get(), "[\"b\"]");
        wrong |= none.met_by(root.get(), "[\"b\"]") || any.met_by(root.get(), "[\"c\"]");
        const auto match = Requirement::dynamic(path(), op("match"));
        const auto mismatch = Requirement::dynamic(path(), op("!match"));
        wrong |= mismatch.met_by(text.get(), "\"b\"") || match.met_by(text.get(), "\"x\"");
        const auto literal = Requirement::literal(path(), op("!match"), Json(json_string("b")));
        wrong |= literal && literal->met_by(text.get(), "");
    });
    assert_false(wrong);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(equality_and_membership),
        cmocka_unit_test(intersection),
        cmocka_unit_test(order),
        cmocka_unit_test(match),
        cmocka_unit_test(operators_are_known_by_name),
        cmocka_unit_test(a_missing_value_rejects),
        cmocka_unit_test(a_dynamic_value_that_is_not_json_rejects),
        cmocka_unit_test(a_dynamic_string_is_text),
        cmocka_unit_test(literals_that_can_never_fit_are_refused),
        cmocka_unit_test(an_undecided_match_rejects),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
