// What an observer of waf/core/engine.hpp is told of the rules that match.

#include <string>

#include "engine.hpp"

namespace {

using namespace gatehouse::test;

Exchange with_uri(std::string uri) {
    Exchange exchange;
    exchange.uri = std::move(uri);
    return exchange;
}

// A line of the error log as administrators, and what reads their logs, know it.
void a_warning(void**) {
    const Directory directory;
    const std::string path = directory.write(
        "rules.conf",
        "SecRuleEngine On\n\n"
        "SecRule ARGS:q \"@contains bad\" "
        "\"id:17,phase:2,pass,rev:'2',ver:'v1',maturity:'3',accuracy:'4',"
        "severity:'CRITICAL',msg:'found',logdata:'in %{MATCHED_VAR_NAME}',tag:'a-tag'\"\n");
    const Loaded loaded = load({file(path)});
    expect_text(loaded.problem, "", "rules");
    const Outcome outcome = run(loaded.rules, with_uri("/path%20x?q=a+bad+one"));
    assert_true(outcome.step == Step::pass);
    assert_int_equal(outcome.listener.heard.size(), 1);
    const Heard& match = outcome.listener.heard[0];
    assert_int_equal(match.id, 17);
    assert_int_equal(match.phase, 2);
    assert_int_equal(match.severity, 2);
    assert_false(match.disruptive);
    expect_text(match.message, "found", "message");
    expect_text(match.data, "in ARGS:q", "data");
    expect_text(match.variable, "ARGS:q", "variable");
    expect_text(match.file, path, "file");
    assert_int_equal(match.line, 3);
    expect_text(match.text,
                "ModSecurity: Warning. Matched \"Operator `Contains' with parameter `bad' against "
                "variable `ARGS:q' (Value: `a bad one' ) [file \"" +
                    path +
                    "\"] [line \"3\"] [id \"17\"] [rev \"2\"] [msg \"found\"] [data \"in ARGS:q\"] "
                    "[severity \"2\"] [ver \"v1\"] [maturity \"3\"] [accuracy \"4\"] [tag "
                    "\"a-tag\"] [hostname \"192.0.2.2\"] [uri \"/path x\"] [unique_id \"an-id\"] "
                    "[ref \"o2,3v16,9\"]",
                "text");
}

void a_denial(void**) {
    const RuleSetPtr set = rules(
        "SecRuleEngine On\n"
        "SecRule ARGS \"@streq 100%d\" \"id:1,phase:1,deny,status:410,msg:'gone'\"");
    const Outcome outcome = run(set, with_uri("/?q=100%25d"));
    assert_true(outcome.step == Step::intervene);
    assert_int_equal(outcome.listener.heard.size(), 1);
    const Heard& match = outcome.listener.heard[0];
    assert_true(match.disruptive);
    expect_text(match.text, outcome.intervention.log, "the same line");
    assert_true(match.text.starts_with(
        "[client 192.0.2.1] ModSecurity: Access denied with code 410 (phase 1). Matched "));
    expect_text(match.variable, "ARGS:q", "variable");
}

// Without the logging of the rule there is no match, but the line of what is done remains.
void rules_without_log_are_silent(void**) {
    const Outcome outcome =
        run(rules("SecRuleEngine On\nSecAction \"id:1,phase:1,pass,nolog,msg:a\"\n"
                  "SecAction \"id:2,phase:1,deny,nolog,msg:b\""),
            {});
    assert_true(outcome.step == Step::intervene);
    assert_true(outcome.listener.heard.empty());
    assert_true(outcome.intervention.log.find("[id \"2\"]") != std::string::npos);
}

// noauditlog silences as well, unless `log` follows.
void noauditlog_is_silent(void**) {
    const Outcome outcome =
        run(rules("SecRuleEngine On\nSecAction \"id:1,phase:1,pass,noauditlog,msg:a\"\n"
                  "SecAction \"id:2,phase:1,pass,noauditlog,log,msg:b\"\n"
                  "SecAction \"id:3,phase:1,pass,nolog,auditlog,msg:c\""),
            {});
    expect_text(outcome.listener.ids(), "2 3", "told");
}

void a_chain_is_one_match(void**) {
    const RuleSetPtr set = rules(
        "SecRuleEngine On\n"
        "SecRule ARGS:a \"@streq 1\" \"id:1,phase:1,deny,msg:'both',chain\"\n"
        "SecRule ARGS:b \"@streq 2\" \"t:none\"");
    assert_true(run(set, with_uri("/?a=1&b=1")).listener.heard.empty());
    const Outcome outcome = run(set, with_uri("/?a=1&b=2"));
    assert_true(outcome.step == Step::intervene);
    expect_text(outcome.listener.ids(), "1", "the chain's");
    expect_text(outcome.listener.heard[0].message, "both", "message");
    expect_text(outcome.listener.heard[0].variable, "ARGS:b", "the last of the chain");
}

void unconditional_rules_have_no_variable(void**) {
    const Outcome outcome =
        run(rules("SecRuleEngine On\n"
                  "SecRule REQUEST_METHOD \"@streq GET\" \"id:1,phase:1,pass,msg:a\"\n"
                  "SecAction \"id:2,phase:1,pass,msg:b\""),
            {});
    expect_text(outcome.listener.ids(), "1 2", "told");
    expect_text(outcome.listener.heard[0].variable, "REQUEST_METHOD", "with");
    expect_text(outcome.listener.heard[1].variable, "", "without");
}

// The order is that of the rules, and in a phase the one that denies is the last.
void in_order(void**) {
    const std::string set =
        "SecRuleEngine On\n"
        "SecRule ARGS \"@streq x\" \"id:3,phase:2,pass,msg:c,multiMatch,t:lowercase\"\n"
        "SecAction \"id:1,phase:1,pass,msg:a\"\nSecAction \"id:2,phase:1,pass,msg:b\"\n"
        "SecAction \"id:4,phase:2,deny,msg:d\"\nSecAction \"id:5,phase:2,pass,msg:e\"\n"
        "SecAction \"id:6,phase:5,pass,msg:f\"\nSecAction \"id:7,phase:5,deny,msg:g\"";
    const Outcome outcome = run(rules(set), with_uri("/?a=X&b=x"));
    expect_text(outcome.listener.ids(), "1 2 3 3 4 6 7", "on");
    const Outcome detecting = run(rules(set), with_uri("/?a=X&b=x"), true);
    expect_text(detecting.listener.ids(), "1 2 3 3 4 5 6 7", "detecting");
}

void the_score(void**) {
    const auto score = [](const std::string& variables) {
        return run(rules("SecRuleEngine On\nSecAction \"id:1,phase:1,pass,nolog" + variables + '"'),
                   {})
            .score;
    };
    assert_int_equal(score(""), 0);
    assert_int_equal(score(",setvar:tx.anomaly_score=5,setvar:tx.anomaly_score=+3"), 8);
    assert_int_equal(score(",setvar:tx.ANOMALY_SCORE=5"), 5);
    assert_int_equal(score(",setvar:tx.blocking_inbound_anomaly_score=10,setvar:"
                           "tx.blocking_outbound_anomaly_score=4"),
                     14);
    assert_int_equal(score(",setvar:tx.anomaly_score=none"), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_warning),
        cmocka_unit_test(a_denial),
        cmocka_unit_test(rules_without_log_are_silent),
        cmocka_unit_test(noauditlog_is_silent),
        cmocka_unit_test(a_chain_is_one_match),
        cmocka_unit_test(unconditional_rules_have_no_variable),
        cmocka_unit_test(in_order),
        cmocka_unit_test(the_score),
    };
    return cmocka_run_group_tests(tests, make_engine, release_engine);
}
