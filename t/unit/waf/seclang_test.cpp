#include "waf/core/seclang.hpp"

#include <array>
#include <string>
#include <string_view>

#include "expect.hpp"
#include "oom.hpp"
#include "waf/core/seclang_words.hpp"

namespace {

using namespace gatehouse::test;
using namespace gatehouse::waf::seclang;
using namespace std::string_literals;

// One line per directive: what was made of it, its parts between bars.
std::string shown(const Scan& scan) {
    std::string out;
    for (const Directive& directive : scan.directives) {
        out += std::to_string(directive.line) + ' ' + directive.name;
        if (!directive.argument.empty()) {
            out += " <" + directive.argument + '>';
        }
        for (const Variable& variable : directive.variables) {
            out += " |" + std::string(variable.excluded ? "!" : "") +
                   (variable.counted ? "&" : "") + variable.name +
                   (variable.selector.empty() ? "" : ":" + variable.selector);
        }
        if (directive.condition) {
            out += " ?" + std::string(directive.condition->negated ? "!" : "") +
                   directive.condition->name + '<' + directive.condition->argument + '>';
        }
        for (const Action& action : directive.actions) {
            out +=
                " +" + action.name + (action.argument.empty() ? "" : '<' + action.argument + '>');
        }
        out += '\n';
    }
    for (const Problem& problem : scan.problems) {
        out += std::to_string(problem.line) + " problem: " + problem.text + '\n';
    }
    return out;
}

struct Row {
    std::string_view text, expected;
};

template <std::size_t N>
void expect_rows(const std::array<Row, N>& rows) {
    for (const Row& row : rows) {
        expect_text(shown(scan(row.text)), row.expected, row.text);
    }
}

// Each is loaded by libmodsecurity 3.0.9 with that meaning.
void test_rules(void**) {
    constexpr std::array<Row, 17> kRows{{
        {"SecRule ARGS \"@rx a b\" \"id:1,deny\"", "1 SecRule |ARGS ?rx<a b> +id<1> +deny\n"},
        {"\n\r\n  secrule ARGS|!ARGS:q|&TX:x \"!@eq 0\" \"id:1\"",
         "3 secrule |ARGS |!ARGS:q |&TX:x ?!eq<0> +id<1>\n"},
        {"SecRule \"ARGS,REQUEST_URI\" \"plain\" \"id:1\"",
         "1 SecRule |ARGS |REQUEST_URI ?<plain> +id<1>\n"},
        {"SecRule ARGS:'/a|b/'|XML:/*|ARGS:/c/ \"@rx x\" \"id:1\"",
         "1 SecRule |ARGS:'/a|b/' |XML:/* |ARGS:/c/ ?rx<x> +id<1>\n"},
        {"SecRule &TX:'/A\\\\\\/B/' \"@ge 1\" \"id:1\"",
         "1 SecRule |&TX:'/A\\\\\\/B/' ?ge<1> +id<1>\n"},
        {"SecRule ARGS \\\n  \"@rx x\" \\\n  \"id:1,\\\n  phase:2,\\\r\n  deny\"\nSecMarker X",
         "1 SecRule |ARGS ?rx<x> +id<1> +phase<2> +deny\n6 SecMarker <X>\n"},
        {"SecRule ARGS \"@rx x\" \\\n  \"id:1,pass\\\n  ,log\"",
         "1 SecRule |ARGS ?rx<x> +id<1> +pass +log\n"},
        {"SecRule ARGS \"@rx x\"\n  \"id:1\"", "1 SecRule |ARGS ?rx<x> +id<1>\n"},
        {"SecRule ARGS \"@rx x\"\n\nSecMarker X", "1 SecRule |ARGS ?rx<x>\n3 SecMarker <X>\n"},
        {"SecRule ARGS \"@rx a\\\"b\\\\\" \"id:1\"", "1 SecRule |ARGS ?rx<a\\\"b\\\\> +id<1>\n"},
        {"SecRule ARGS \"@rx a\nb\" \"id:1\"\nSecMarker X",
         "1 SecRule |ARGS ?rx<a\nb> +id<1>\n3 SecMarker <X>\n"},
        {"SecRule ARGS @rx x\nSecMarker X", "1 SecRule |ARGS ?rx<x>\n2 SecMarker <X>\n"},
        {"SecAction \"id:1,msg:'a, \"b\" it\\'s',setvar:tx.a=+%{tx.b},nolog\"",
         "1 SecAction +id<1> +msg<a, \"b\" it\\'s> +setvar<tx.a=+%{tx.b}> +nolog\n"},
        {"SecAction \"id:1,msg:two words,ctl:ruleRemoveTargetById=7;ARGS:q\"",
         "1 SecAction +id<1> +msg<two words> +ctl<ruleRemoveTargetById=7;ARGS:q>\n"},
        {"SecRuleUpdateTargetById 5 \"!ARGS:q\"", "1 SecRuleUpdateTargetById <5> |!ARGS:q\n"},
        {"SecRuleUpdateActionById 5 \"pass\"", "1 SecRuleUpdateActionById <5> +pass\n"},
        {"Include \"a/*.conf\"\nSecRuleRemoveByMsg \"two words\" ",
         "1 Include <a/*.conf>\n2 SecRuleRemoveByMsg <two words>\n"},
    }};
    expect_rows(kRows);
}

// Only a comment that holds a rule goes on behind a backslash.
void test_comments(void**) {
    constexpr std::array<Row, 5> kRows{{
        {"# text \\\nSecMarker X", "2 SecMarker <X>\n"},
        {"#SecRule ARGS \\\n\"id:1\"\nSecMarker X", "3 SecMarker <X>\n"},
        {"# SecAction \\  \r\nSecMarker X \\\nSecMarker Y\nSecMarker Z", "4 SecMarker <Z>\n"},
        {"SecMarker X # no comment", "1 SecMarker <X # no comment>\n"},
        {"#", ""},
    }};
    expect_rows(kRows);
}

void test_problems(void**) {
    constexpr std::array<Row, 20> kRows{{
        {"SecAction id:1,deny\nSecMarker X",
         "1 SecAction\n2 SecMarker <X>\n1 problem: actions must be in double quotes\n"},
        {"SecRule ARGS \"@rx x\" id:1,deny\nSecMarker X",
         "1 SecRule |ARGS ?rx<x> +id<1,deny>\n2 SecMarker <X>\n"
         "1 problem: actions must be in double quotes\n"},
        {"\xef\xbb\xbfSecMarker X",
         "1 SecMarker <X>\n1 problem: a byte order mark stands here: save the file without it\n"},
        {"SecMarker \xe2\x80\x9cX\xe2\x80\x9d",
         "1 SecMarker\n1 problem: typographic quotes quote nothing: use \" and '\n"},
        {"SecAction \"id:1\" more\nSecMarker X",
         "1 SecAction +id<1>\n2 SecMarker <X>\n"
         "1 problem: nothing was expected behind the actions, got \"more\"\n"},
        {"SecRule ARGS \"@rx x\" \"id:1,deny\nSecMarker X",
         "1 SecRule |ARGS ?rx<x> +id<1> +deny\n2 SecMarker <X>\n"
         "1 problem: the list of actions is not closed\n"},
        {"SecRule ARGS \"@rx x\" \"id:1,\"",
         "1 SecRule |ARGS ?rx<x> +id<1>\n1 problem: an action was expected here, got \"\"\"\n"},
        {"SecRule ARGS \"@rx x\" \"id:1 deny\"",
         "1 SecRule |ARGS ?rx<x> +id<1>\n1 problem: a comma was expected here, got \"deny\"\"\n"},
        {"SecRule ARGS \"@rx x\" \\\n  \"id:1,msg:'it's',\\\n  deny\"\nSecMarker X",
         "1 SecRule |ARGS ?rx<x> +id<1> +msg<it>\n4 SecMarker <X>\n"
         "2 problem: a comma was expected here, got \"s',\\\"\n"},
        {"SecAction \"id:1,msg:'open\nSecMarker X",
         "1 SecAction +id<1> +msg<open>\n2 SecMarker <X>\n1 problem: the quote is not closed\n"
         "1 problem: the list of actions is not closed\n"},
        {"SecRule ARGS \"@rx x\nSecMarker X",
         "1 SecRule |ARGS ?rx<x>\n2 SecMarker <X>\n1 problem: the quote is not closed\n"},
        // libmodsecurity's patterns want a character before the backslash.
        {"SecRule ARGS \"@rx \\\"x\" \"id:1\"",
         "1 SecRule |ARGS ?rx<\\>\n1 problem: the operator ends here, before \"x\" \"id:1\"\"\n"},
        // They take the character behind a percent sign along.
        {"SecRule ARGS \"@rx 100%\" \"id:1\"",
         "1 SecRule |ARGS ?rx<100%\" >\n"
         "1 problem: the quote behind a percent sign ends nothing for libmodsecurity\n"},
        {"SecRule", "1 SecRule\n1 problem: variables were expected here\n"},
        {"SecRule ARGS", "1 SecRule |ARGS ?<>\n1 problem: an operator was expected here\n"},
        {"\"x\"\nSecMarker X",
         "2 SecMarker <X>\n1 problem: a directive was expected here, got \"\"x\"\"\n"},
        {"SecRule \"ARGS",
         "1 SecRule |ARGS ?<>\n1 problem: the quote is not closed\n"
         "1 problem: an operator was expected here\n"},
        {std::string_view("\n#\0\n", 4), "2 problem: a NUL octet stands here\n"},
        {"\x01", "1 problem: a directive was expected here, got \"?\"\n"},
        {"Unknown \"x \\\ny\"\nSecMarker X", "1 Unknown <x y>\n3 SecMarker <X>\n"},
    }};
    expect_rows(kRows);
    assert_true(scan("SecRule ARGS \"@rx x\" \"id:1 deny\"").directives[0].broken);
    assert_false(scan("SecRule ARGS \"@rx x\" \"id:1,deny\"").directives[0].broken);
}

// With its line ends, and without those of the next one.
void test_text(void**) {
    const Scan found = scan("# c\n SecRule ARGS \\\n\"@rx x\"\nSecMarker\tX\n");
    assert_string_equal(found.directives[0].text.c_str(), "SecRule ARGS \\\n\"@rx x\"");
    assert_string_equal(found.directives[1].text.c_str(), "SecMarker\tX");
}

void test_lines(void**) {
    const Scan rule = scan("SecRule ARGS \\\n\"@rx x\" \\\n\"id:1,\\\nphase:2\"");
    assert_int_equal(rule.directives[0].condition->line, 2);
    assert_int_equal(rule.directives[0].actions[0].line, 3);
    assert_int_equal(rule.directives[0].actions[1].line, 4);
    assert_true(find_action(rule.directives[0], "PHASE") == &rule.directives[0].actions[1]);
    assert_null(find_action(rule.directives[0], "chain"));
}

// What reads on to the end of the text at each mistake must not do so for ever.
void test_bounded(void**) {
    std::string text;
    for (int i = 0; i < 200'000; ++i) {
        text += "SecRule ARGS \"@rx a' \n";
    }
    assert_true(scan(text).problems.size() < 200);

    std::string list = "SecRule ARGS";
    std::string actions;
    for (int i = 0; i < 100'000; ++i) {
        list += "|'/ARGS";
        actions += "t:none,";
    }
    assert_int_equal(scan(list + " x").directives[0].variables.size(), 100'001);
    assert_int_equal(scan("SecAction \"" + actions + "id:1\"").directives[0].actions.size(),
                     100'001);
}

void test_words(void**) {
    assert_true(directive_form("secRULE") == Form::rule);
    assert_true(directive_form("SecMarker") == Form::argument);
    assert_false(directive_form("SecRul").has_value());
    expect_text(nearest_directive("SecRuleEngin"), "SecRuleEngine", "a letter less");
    expect_text(nearest_directive("whatever"), "", "nothing like it");
    assert_true(known(Kind::operator_name, "RX") && known(Kind::transformation, "urlDecodeUni"));
    assert_false(known(Kind::operator_name, "") || known(Kind::action, "den"));
    expect_text(nearest(Kind::operator_name, "contians"), "contains", "two letters swapped");
    expect_text(nearest(Kind::transformation, "lowercse"), "lowercase", "a letter less");
    expect_text(nearest(Kind::variable, "ARGZ"), "ARGS", "another letter");
    expect_text(nearest(Kind::variable, std::string(100, 'A')), "", "no name is as long");
    expect_text(nearest(Kind::control, "ruleRemoveTargetsById"), "ruleRemoveTargetById",
                "one more");
}

void test_out_of_memory(void**) {
    for_each_failing_allocation([] {
        const Scan result = scan(
            "SecRule ARGS:'/a|b/' \"@rx some longer text than fits into a string object\" \\\n"
            "\"id:1,msg:'another text that is longer than a short string',deny\"\nSecRule");
        (void)nearest(Kind::variable, "REQUEST_HEADER");
        (void)result;
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),    cmocka_unit_test(test_comments),
        cmocka_unit_test(test_problems), cmocka_unit_test(test_text),
        cmocka_unit_test(test_lines),    cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_words),    cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
