// Engine::merge() of waf/core/engine.hpp: rules of a place with those of the place around it.

#include <string>

#include "engine.hpp"

namespace {

using namespace gatehouse::test;

RuleSetPtr merged(const RuleSetPtr& inner, const RuleSetPtr& outer) {
    Loaded loaded = engine()->merge(inner, outer);
    expect_text(loaded.problem, "", "merge");
    return loaded.rules;
}

void facts(void**) {
    const RuleSetPtr set = rules(
        "SecRuleEngine DetectionOnly\nSecAction \"id:1,phase:1,pass\"\nSecMarker END\n"
        "SecRule ARGS a \"id:2,phase:4,pass,chain\"\nSecRule ARGS b \"t:none\"\n");
    assert_true(set->mode() == Mode::detect);
    assert_int_equal(set->rules(), 2);
    for (int phase = 0; phase <= 6; ++phase) {
        assert_true(set->has_phase(phase) == (phase == 1 || phase == 4));
    }
    assert_true(rules("")->mode() == Mode::unset);
    assert_int_equal(rules("")->rules(), 0);
    assert_true(rules("SecRuleEngine Off")->mode() == Mode::off);
    assert_true(rules("SecRuleEngine On")->mode() == Mode::on);
    assert_true(engine()->version().starts_with("ModSecurity v3.0."));
}

// A phase whose rules are all removed costs nothing: its body is not read.
void removed_rules_have_no_phase(void**) {
    const std::string rule = "SecRule RESPONSE_BODY a \"id:5,phase:4,deny\"\n";
    for (const char* removal :
         {"SecRuleRemoveById 5", "SecRuleRemoveById 1 4-6", "SecRuleRemoveById 3-5"}) {
        expect(!rules(rule + removal)->has_phase(4), removal, "behind the rule");
        expect(!rules(removal + ("\n" + rule))->has_phase(4), removal, "before it");
        expect(!merged(rules(removal), rules(rule))->has_phase(4), removal, "inside");
        expect(!merged(rules(rule), rules(removal))->has_phase(4), removal, "outside");
        expect(rules(rule + removal)->rules() == 1, removal, "is still a rule");
    }
    Exchange exchange;
    exchange.response_body = "a";
    assert_true(run(rules("SecRuleEngine On\nSecResponseBodyAccess On\n" + rule), exchange).step ==
                Step::intervene);
    assert_true(
        run(rules("SecRuleEngine On\nSecResponseBodyAccess On\n" + rule + "SecRuleRemoveById 5"),
            exchange)
            .step == Step::pass);
    for (const char* none : {"SecRuleRemoveById 4", "SecRuleRemoveById 6-9",
                             "SecRuleUpdateTargetById 5 \"!RESPONSE_BODY\""}) {
        expect(rules(rule + none)->has_phase(4), none, "leaves it");
    }
    assert_true(rules(rule + "SecRuleRemoveById 5\nSecAction \"id:6,phase:4,pass\"")->has_phase(4));
}

void several_sources_are_one_set(void**) {
    const Directory directory;
    const std::string path =
        directory.write("a.conf", "SecAction \"id:2,phase:1,pass,msg:b\"\nSecRuleEngine Off\n");
    const Loaded loaded = load({text("SecRuleEngine On\nSecAction \"id:1,phase:1,pass,msg:a\""),
                                file(path), text("SecAction \"id:3,phase:1,pass,msg:c\"")});
    // Of properties that are set twice the library takes the first.
    assert_true(loaded.rules->mode() == Mode::on);
    assert_int_equal(loaded.rules->rules(), 3);
    expect_text(run(loaded.rules, {}).listener.ids(), "1 2 3", "in their order");
}

void inner_rules_come_first(void**) {
    const RuleSetPtr inner = rules("SecAction \"id:2,phase:1,pass,msg:b\"");
    const RuleSetPtr outer = rules("SecRuleEngine On\nSecAction \"id:1,phase:1,pass,msg:a\"");
    const RuleSetPtr both = merged(inner, outer);
    expect_text(run(both, {}).listener.ids(), "2 1", "both");
    assert_int_equal(both->rules(), 2);
    assert_true(both->has_phase(1));
    // What was merged stays what it was.
    expect_text(run(outer, {}).listener.ids(), "1", "outer");
    expect_text(run(inner, {}).listener.ids(), "2", "inner");
}

void one_alone_is_itself(void**) {
    const RuleSetPtr set = rules("SecRuleEngine On");
    assert_ptr_equal(merged(set, nullptr).get(), set.get());
    assert_ptr_equal(merged(nullptr, set).get(), set.get());
    assert_null(merged(nullptr, nullptr).get());
}

void inner_properties_win(void**) {
    const RuleSetPtr inner = rules(
        "SecRuleEngine DetectionOnly\nSecRequestBodyAccess Off\nSecRequestBodyLimit 10\n"
        "SecResponseBodyLimit 20\n");
    const RuleSetPtr outer = rules(
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\n"
        "SecRequestBodyLimit 30\nSecResponseBodyLimit 40\nSecResponseBodyMimeType text/html\n");
    const RuleSetPtr both = merged(inner, outer);
    assert_true(both->mode() == Mode::detect);
    assert_false(both->reads_request_body());
    assert_int_equal(both->request_body_limit(), 10);
    assert_int_equal(both->response_body_limit(), 20);
    // What the inner one does not say is inherited.
    assert_true(both->reads_response_body());
    assert_true(both->reads_response_type("text/html"));
    assert_false(both->reads_response_type("text/plain"));
    const RuleSetPtr swapped = merged(outer, inner);
    assert_true(swapped->mode() == Mode::on);
    assert_true(swapped->reads_request_body());
    assert_int_equal(swapped->request_body_limit(), 30);
}

// The library itself would write into the outer one's.
void inner_audit_logs_win(void**) {
    const Directory directory;
    const auto logging_to = [&](const char* name) {
        return "SecAuditEngine On\nSecAuditLog " + directory.path(name) + "\n";
    };
    const RuleSetPtr outer = rules("SecRuleEngine On\n" + logging_to("outer.log"));
    run(merged(rules(logging_to("inner.log")), outer), {});
    expect_text(directory.read("outer.log"), "", "the outer one's log");
    assert_true(directory.read("inner.log").find("an-id") != std::string::npos);
    run(merged(rules("SecAuditLogParts ABZ"), outer), {});
    assert_true(directory.read("outer.log").find("an-id") != std::string::npos);
}

void rules_of_one_are_removed_by_the_other(void**) {
    const std::string two =
        "SecRuleEngine On\nSecRule ARGS:a \"@streq 1\" \"id:1,phase:1,pass,msg:a\"\n"
        "SecRule ARGS:a \"@streq 1\" \"id:2,phase:1,pass,msg:b\"\n";
    Exchange exchange;
    exchange.uri = "/?a=1";
    const auto ids = [&](const std::string& inner, const std::string& outer) {
        return run(merged(rules(inner), rules(outer)), exchange).listener.ids();
    };
    expect_text(ids("SecRuleRemoveById 1", two), "2", "by the inner one");
    expect_text(ids(two, "SecRuleRemoveById 1"), "2", "by the outer one");
    expect_text(ids("SecRuleUpdateTargetById 2 \"!ARGS:a\"", two), "1", "a target");
    expect_text(run(rules(two), exchange).listener.ids(), "1 2", "untouched");
}

void an_id_of_both_is_a_problem(void**) {
    const Directory directory;
    const std::string path =
        directory.write("a.conf", "SecRule ARGS a \"id:1,pass\"\n\nSecRule ARGS a \"id:2,pass\"\n");
    const RuleSetPtr outer = load({file(path, "nginx.conf:5")}).rules;
    const RuleSetPtr inner = load({text("SecRuleEngine On", "nginx.conf:8"),
                                   text("\nSecRule ARGS b \"id:2,pass\"", "nginx.conf:9")})
                                 .rules;
    const Loaded loaded = engine()->merge(inner, outer);
    assert_null(loaded.rules.get());
    expect_text(
        loaded.problem,
        "nginx.conf:9, line 2 of the rules: rule id 2 is duplicated, first at " + path + ":3",
        "inner");
    const Loaded other = engine()->merge(outer, inner);
    expect_text(other.problem,
                path + ":3: rule id 2 is duplicated, first at nginx.conf:9, line 2 of the rules",
                "outer");
    // Also of sets that were merged before.
    const RuleSetPtr middle = merged(rules("SecRuleEngine On"), inner);
    expect_text(engine()->merge(outer, middle).problem, other.problem, "merged");
    // The library lets unconditional rules have an id twice.
    merged(rules("SecAction \"id:7,pass\""), rules("SecAction \"id:7,pass\""));
}

// Rules belong to every set that has them.
void merged_sets_outlive_their_parts(void**) {
    RuleSetPtr both = merged(rules("SecAction \"id:2,phase:1,pass,msg:b\""),
                             rules("SecRuleEngine On\nSecRule ARGS:a \"@streq 1\" "
                                   "\"id:1,phase:1,deny,msg:a\""));
    Exchange exchange;
    exchange.uri = "/?a=1";
    expect_text(run(both, exchange).listener.ids(), "2 1", "both");
    // So does a transaction.
    Listener listener;
    const auto transaction = engine()->begin(both, "", listener);
    both.reset();
    transaction->uri(Target("/?a=1"), "GET", "1.1");
    assert_true(transaction->request_headers() == Step::intervene);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(facts),
        cmocka_unit_test(removed_rules_have_no_phase),
        cmocka_unit_test(several_sources_are_one_set),
        cmocka_unit_test(inner_rules_come_first),
        cmocka_unit_test(one_alone_is_itself),
        cmocka_unit_test(inner_properties_win),
        cmocka_unit_test(inner_audit_logs_win),
        cmocka_unit_test(rules_of_one_are_removed_by_the_other),
        cmocka_unit_test(an_id_of_both_is_a_problem),
        cmocka_unit_test(merged_sets_outlive_their_parts),
    };
    return cmocka_run_group_tests(tests, make_engine, release_engine);
}
