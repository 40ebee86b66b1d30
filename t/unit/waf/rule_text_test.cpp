// waf/core/rule_text.hpp

#include "waf/core/rule_text.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "expect.hpp"

namespace {

using namespace gatehouse::test;
using namespace gatehouse::waf;

struct Lines {
    const char* text;
    std::vector<std::pair<int, std::string_view>> statements;
};

void statements_and_their_lines(void**) {
    const std::vector<Lines> rows{
        {"", {}},
        {"\n \n\t\r\n", {}},
        {"A", {{1, "A"}}},
        {"A b\nC\n", {{1, "A b"}, {2, "C"}}},
        {"\n\n  A b  \r\nC", {{3, "A b"}, {4, "C"}}},
        {"A \\\n b\nC", {{1, "A \\\n b"}, {3, "C"}}},
        {"A \\\r\n b\r\nC", {{1, "A \\\r\n b"}, {3, "C"}}},
        {"A \\", {{1, "A \\"}}},
        {"A \\\n", {{1, "A \\"}}},
        {"# A\nB", {{2, "B"}}},
        {"# A \\\nB", {{2, "B"}}},
        {"  # SecRule a \\\n b \\\n c\nB", {{4, "B"}}},
        {"#SecAction a \\\n b\nB", {{3, "B"}}},
    };
    for (const Lines& row : rows) {
        std::string_view rest = row.text;
        int line = 1;
        for (const auto& [at, text] : row.statements) {
            const auto statement = take_statement(rest, line);
            expect(statement.has_value(), row.text, "a statement");
            expect(statement->line == at, row.text, "its line");
            expect_text(statement->text, text, row.text);
        }
        expect(!take_statement(rest, line), row.text, "no more");
    }
}

struct Action {
    const char* statement;
    const char* name;
    const char* parameter;  // null: there is none
};

constexpr std::array<Action, 14> kActions{{
    {"SecRule ARGS a \"id:5,pass\"", "id", "5"},
    {"SecRule ARGS a \"id: 5\"", "id", ""},
    {"SecRule ARGS a \"id:'5',pass\"", "id", "5"},
    {"SecRule ARGS a \"phase:1, ID:5\"", "id", "5"},
    {"SecRule ARGS a \"phase:1,\\\n  id:5,\\\n pass\"", "id", "5"},
    {"SecAction id:5", "id", "5"},
    {"SecRule ARGS a \"pass,chain\"", "chain", ""},
    {"SecRule ARGS a \"chain,pass\"", "chain", ""},
    {"SecRule ARGS a \"pass,chained\"", "chain", nullptr},
    {"SecRule ARGS a \"pass\"", "id", nullptr},
    {"SecRule ARGS a \"grid:5\"", "id", nullptr},
    {"SecRule ARGS a \"exec:/a.lua\"", "exec", "/a.lua"},
    {"", "id", nullptr},
    {"id", "id", ""},
}};

void actions(void**) {
    for (const Action& row : kActions) {
        const auto parameter = find_action(row.statement, row.name);
        expect(parameter.has_value() == (row.parameter != nullptr), row.statement, "found");
        if (parameter) {
            expect_text(*parameter, row.parameter, row.statement);
        }
    }
}

void operations(void**) {
    std::string_view rest =
        "SecRule ARGS|!ARGS:a@b \"!@pmFromFile a b.data \" \"id:1,msg:'to a@b.test'\"\n"
        "SecRule ARGS @pmf c.data \"id:2\"";
    std::vector<std::string> found;
    while (const auto operation = take_operation(rest)) {
        found.push_back(std::string(operation->name) + '=' + std::string(operation->parameter));
    }
    const std::vector<std::string> expected{"b=\"!@pmFromFile", "pmFromFile=a b.data",
                                            "b.test'\"=SecRule", "pmf=c.data"};
    assert_int_equal(found.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        expect_text(found[i], expected[i], "operation");
    }
}

void lines_that_the_parser_does_not_count(void**) {
    assert_int_equal(uncounted_lines("SecRule ARGS a \\\n \"id:1,\\\n pass\""), 0);
    assert_int_equal(uncounted_lines("SecRule ARGS \\\n a \\\n \"id:1\""), 1);
    assert_int_equal(uncounted_lines("SecRule ARGS \\\n\\\r\n \"a\\\"\\\nb\" \\\n \"id:1\""), 3);
    assert_int_equal(uncounted_lines("SecRule ARGS a \"id:1,msg:'a\\\n\\\nb',\\\ntag:'c'\""), 2);
    assert_int_equal(uncounted_lines("SecAction \\\n\"id:1,\\\npass\""), 1);
    assert_int_equal(uncounted_lines("SecMarker \\\na"), 0);
    // Cut anywhere it ends.
    const std::string_view whole = "SecRule ARGS \\\n \"a\\\nb\" \\\n \"id:1,msg:'a\\\nb'\"";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        assert_true(uncounted_lines(whole.substr(0, size)) <= 3);
    }
    assert_int_equal(uncounted_lines(whole), 3);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(statements_and_their_lines),
        cmocka_unit_test(actions),
        cmocka_unit_test(operations),
        cmocka_unit_test(lines_that_the_parser_does_not_count),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
