// What a transaction of waf/core/engine.hpp answers.

#include <array>
#include <string>

#include "engine.hpp"

namespace {

using namespace gatehouse::test;

// Rules with the action in each phase, off until the request asks for one.
std::string in_each_phase(const std::string& action) {
    std::string text =
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\n"
        "SecResponseBodyMimeType text/html\n";
    for (int phase = 1; phase <= 5; ++phase) {
        const std::string number = std::to_string(phase);
        text += "SecRule ARGS_GET:phase \"@streq " + number + "\" \"id:" + number +
                ",phase:" + number + ",msg:'phase " + number + "'," + action + "\"\n";
    }
    return text;
}

Exchange asking_for(int phase) {
    Exchange exchange;
    exchange.uri = "/?phase=" + std::to_string(phase);
    exchange.body = "body";
    exchange.response_body = "<p>body</p>";
    return exchange;
}

void nothing_matches(void**) {
    const Outcome outcome = run(rules(in_each_phase("deny")), asking_for(0));
    assert_true(outcome.step == Step::pass);
    assert_true(outcome.logging == Step::pass);
    assert_true(outcome.listener.heard.empty());
}

void each_phase_denies(void**) {
    const RuleSetPtr set = rules(in_each_phase("deny,status:418"));
    for (int phase = 1; phase <= 4; ++phase) {
        const Outcome outcome = run(set, asking_for(phase));
        const std::string row = "phase " + std::to_string(phase);
        expect(outcome.step == Step::intervene, row, "intervenes");
        expect(outcome.phase == phase, row, "in its phase");
        expect(outcome.intervention.status == 418, row, "status");
        expect_text(outcome.intervention.url, "", row);
        expect_text(outcome.listener.ids(), std::to_string(phase), row);
        expect(outcome.listener.heard[0].disruptive, row, "disruptive");
        expect(outcome.logging == Step::pass, row, "logging");
    }
}

// Nothing can be done any more, but the match is told.
void the_logging_phase_does_not_intervene(void**) {
    const Outcome outcome = run(rules(in_each_phase("deny")), asking_for(5));
    assert_true(outcome.step == Step::pass);
    assert_true(outcome.logging == Step::pass);
    expect_text(outcome.listener.ids(), "5", "phase 5");
}

// What an earlier step wanted is still what was done.
void the_logging_phase_leaves_the_intervention_alone(void**) {
    const RuleSetPtr set = rules(
        "SecRuleEngine On\nSecAction \"id:1,phase:1,deny,status:418,msg:a\"\n"
        "SecAction \"id:2,phase:5,deny,status:410,msg:b\"");
    Listener listener;
    const auto transaction = engine()->begin(set, "", listener);
    assert_true(transaction->request_headers() == Step::intervene);
    assert_true(transaction->logging(418) == Step::pass);
    assert_int_equal(transaction->intervention().status, 418);
    expect_text(listener.ids(), "1 2", "both");
}

struct Row {
    const char* action;
    int status;
    const char* url;
};

constexpr std::array<Row, 12> kActions{{
    {"deny", 403, ""},
    {"drop", 403, ""},
    {"deny,status:404", 404, ""},
    {"deny,status:200", 403, ""},
    {"deny,status:0", 403, ""},
    {"deny,status:99", 403, ""},
    {"deny,status:600", 403, ""},
    {"deny,status:204", 204, ""},
    {"redirect:https://other.test/%{REQUEST_METHOD}", 302, "https://other.test/GET"},
    {"redirect:https://other.test/,status:307", 307, "https://other.test/"},
    {"redirect:https://other.test/,status:404", 302, "https://other.test/"},
    {"redirect:/here,status:303", 303, "/here"},
}};

void status_and_redirect(void**) {
    for (const Row& row : kActions) {
        const RuleSetPtr set =
            rules(std::string("SecRuleEngine On\nSecAction \"id:1,phase:1,") + row.action + "\"");
        const Outcome outcome = run(set, {});
        expect(outcome.step == Step::intervene, row.action, "intervenes");
        expect(outcome.intervention.status == row.status, row.action, "status");
        expect_text(outcome.intervention.url, row.url, row.action);
    }
}

void allow_and_pass_let_pass(void**) {
    const Outcome outcome = run(rules("SecRuleEngine On\nSecAction \"id:1,phase:1,pass,msg:a\"\n"
                                      "SecAction \"id:2,phase:1,allow,msg:b\"\n"
                                      "SecAction \"id:3,phase:1,deny,msg:c\"\n"
                                      "SecAction \"id:4,phase:2,deny,msg:d\""),
                                {});
    assert_true(outcome.step == Step::pass);
    expect_text(outcome.listener.ids(), "1 2", "those behind are skipped");
}

void only_an_engine_that_is_on_intervenes(void**) {
    const std::string rule = "SecAction \"id:1,phase:1,deny,msg:a\"";
    for (const char* mode : {"", "SecRuleEngine DetectionOnly\n"}) {
        const Outcome outcome = run(rules(mode + rule), {});
        expect(outcome.step == Step::pass, mode, "passes");
        expect_text(outcome.listener.ids(), "1", mode);
        expect(!outcome.listener.heard[0].disruptive, mode, "not disruptive");
    }
    const Outcome off = run(rules("SecRuleEngine Off\n" + rule), {});
    assert_true(off.step == Step::pass);
    assert_true(off.listener.heard.empty());
}

void a_transaction_can_be_told_to_detect_only(void**) {
    for (int phase = 1; phase <= 5; ++phase) {
        const Outcome outcome = run(rules(in_each_phase("deny")), asking_for(phase), true);
        assert_true(outcome.step == Step::pass);
        expect_text(outcome.listener.ids(), std::to_string(phase), "matches");
        assert_false(outcome.listener.heard[0].disruptive);
    }
    // A rule that turns the engine on does not turn it on.
    const RuleSetPtr set = rules(
        "SecRuleEngine On\nSecAction \"id:1,phase:1,pass,ctl:ruleEngine=On,msg:a\"\n"
        "SecAction \"id:2,phase:1,deny,msg:b\"\nSecAction \"id:3,phase:2,deny,msg:c\"");
    const Outcome outcome = run(set, {}, true);
    assert_true(outcome.step == Step::pass);
    expect_text(outcome.listener.ids(), "1 2 3", "all of them");
    for (const Heard& match : outcome.listener.heard) {
        assert_false(match.disruptive);
    }
    // Off is off.
    assert_true(run(rules("SecRuleEngine Off\nSecAction \"id:1,phase:1,deny,msg:a\""), {}, true)
                    .listener.heard.empty());
}

// Whether what the module itself refuses is refused.
void what_is_enforced(void**) {
    const auto enforces = [](const char* text, bool detect_only = false) {
        Listener listener;
        const auto transaction = engine()->begin(rules(text), "", listener);
        if (detect_only) {
            transaction->detect_only();
        }
        transaction->uri(Target("/"), "GET", "1.1");
        transaction->request_headers();
        return transaction->enforces();
    };
    assert_true(enforces("SecRuleEngine On"));
    assert_false(enforces("SecRuleEngine On", true));
    assert_false(enforces("SecRuleEngine DetectionOnly"));
    assert_false(enforces("SecRuleEngine Off"));
    assert_false(enforces("SecRuleEngine On\nSecAction \"id:1,phase:1,pass,ctl:ruleEngine=Off\""));
    assert_false(enforces("SecRuleEngine On\nSecAction \"id:1,phase:1,allow\""));
    assert_false(enforces("SecRuleEngine On\nSecAction \"id:1,phase:1,allow:request\""));
}

// The library would see less than the server does.
void a_nul_is_a_failure(void**) {
    const RuleSetPtr set = rules("SecRuleEngine On");
    for (const auto& [uri, method] : {std::pair(std::string("/\0a", 3), std::string("GET")),
                                      std::pair(std::string("/"), std::string("G\0T", 3))}) {
        Listener listener;
        const auto transaction = engine()->begin(set, "", listener);
        assert_true(transaction->uri(Target(uri), method, "1.1") == Step::failed);
        // And what has failed stays so.
        assert_true(transaction->request_headers() == Step::failed);
        assert_true(transaction->logging(200) == Step::failed);
    }
}

void headers_may_be_empty(void**) {
    Exchange exchange;
    exchange.headers = {{"Host", ""},         {"Authorization", ""}, {"Cookie", ""},
                        {"Cookie", " ;=; a"}, {"Content-Type", ""},  {"", ""}};
    exchange.response_headers = {{"Content-Type", ""}, {"", ""}};
    const Outcome outcome = run(rules("SecRuleEngine On"), exchange);
    assert_true(outcome.step == Step::pass);
}

// Each set of rules is used by many transactions, and some at the same time.
void transactions_do_not_disturb_each_other(void**) {
    const RuleSetPtr set = rules(in_each_phase("deny"));
    Listener first;
    Listener second;
    const auto one = engine()->begin(set, "one", first);
    const auto two = engine()->begin(set, "two", second);
    one->uri(Target("/?phase=1"), "GET", "1.1");
    two->uri(Target("/?phase=2"), "GET", "1.1");
    assert_true(two->request_headers() == Step::pass);
    assert_true(one->request_headers() == Step::intervene);
    assert_true(two->request_body() == Step::intervene);
    expect_text(first.ids(), "1", "one");
    expect_text(second.ids(), "2", "two");
}

void ids_are_random_or_given(void**) {
    const RuleSetPtr set =
        rules("SecRuleEngine On\nSecAction \"id:1,phase:1,pass,msg:%{UNIQUE_ID}\"");
    std::array<std::string, 3> messages;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        Exchange exchange;
        exchange.id = i == 0 ? "given" : "";
        messages[i] = run(set, exchange).listener.heard.at(0).message;
    }
    expect_text(messages[0], "given", "given");
    assert_int_equal(messages[1].size(), 32);
    assert_int_equal(messages[2].size(), 32);
    assert_true(messages[1] != messages[2]);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(nothing_matches),
        cmocka_unit_test(each_phase_denies),
        cmocka_unit_test(the_logging_phase_does_not_intervene),
        cmocka_unit_test(the_logging_phase_leaves_the_intervention_alone),
        cmocka_unit_test(status_and_redirect),
        cmocka_unit_test(allow_and_pass_let_pass),
        cmocka_unit_test(only_an_engine_that_is_on_intervenes),
        cmocka_unit_test(a_transaction_can_be_told_to_detect_only),
        cmocka_unit_test(what_is_enforced),
        cmocka_unit_test(a_nul_is_a_failure),
        cmocka_unit_test(headers_may_be_empty),
        cmocka_unit_test(transactions_do_not_disturb_each_other),
        cmocka_unit_test(ids_are_random_or_given),
    };
    return cmocka_run_group_tests(tests, make_engine, release_engine);
}
