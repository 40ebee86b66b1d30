// Allocations that fail in waf/core/engine.hpp: in our code and in the library, which throws
// through it.

#include <string>

#include "engine.hpp"
#include "oom.hpp"

// The library has raw pointers in hand where it throws: in a constructor, too, that compilers put
// into what calls it.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
    return "leak:libmodsecurity.so\nleak:modsecurity::RulesSet::RulesSet\n"
           "leak:std::make_shared<gatehouse::waf::Compiled\n";
}

namespace {

using namespace gatehouse::test;

// Whoever is told must not throw.
class Counter final : public Transaction::Observer {
  public:
    void matched(const Match& match) noexcept override {
        ++(match.disruptive ? denials : warnings);
    }

    int warnings = 0;
    int denials = 0;
};

const char* const kRules =
    "SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\n"
    "SecRule ARGS \"@contains bad\" "
    "\"id:1,phase:2,pass,msg:'found',logdata:'%{MATCHED_VAR}',setvar:tx.anomaly_score=+5\"\n"
    "SecRule TX:anomaly_score \"@ge 5\" \"id:2,phase:2,deny,status:418,msg:'too bad'\"\n";

// Every step of a request that the rules deny. A failure must not turn into a pass.
void no_request_slips_through(void**) {
    const RuleSetPtr set = rules(kRules);
    const Target target("/a%3fb?a=one#&b=two");
    bool passed = false;
    bool denied = false;
    bool silent = false;
    for_each_failing_allocation([&] {
        Counter listener;
        const auto transaction = engine()->begin(set, "an-id", listener);
        if (!transaction) {
            return;
        }
        Step step = transaction->connection("192.0.2.1", 1234, "192.0.2.2", 80);
        const auto go_on = [&](auto&& next) {
            if (step == Step::pass) {
                step = next();
            }
        };
        go_on([&] { return transaction->uri(target, "POST", "1.1"); });
        go_on([&] {
            return transaction->request_header("Content-Type", "application/x-www-form-urlencoded");
        });
        go_on([&] { return transaction->request_header("Cookie", "a=b; c=d; =e"); });
        go_on([&] { return transaction->request_headers(); });
        go_on([&] { return transaction->append_request_body("c=very+"); });
        go_on([&] { return transaction->append_request_body(std::string(300, 'x')); });
        go_on([&] { return transaction->append_request_body("bad"); });
        go_on([&] { return transaction->request_body(); });
        passed |= step == Step::pass;
        if (step == Step::intervene) {
            denied |= transaction->intervention().status == 418;
            silent |= listener.warnings != 1 || listener.denials != 1;
        }
        transaction->logging(418);
    });
    assert_true(denied);
    assert_false(passed);
    assert_false(silent);
}

void no_response_slips_through(void**) {
    const RuleSetPtr set = rules(
        "SecRuleEngine On\nSecResponseBodyAccess On\n"
        "SecRule RESPONSE_BODY \"@contains bad\" \"id:1,phase:4,deny,msg:'found'\"");
    bool passed = false;
    for_each_failing_allocation([&] {
        Counter listener;
        const auto transaction = engine()->begin(set, "", listener);
        if (!transaction) {
            return;
        }
        Step step = transaction->request_headers();
        const auto go_on = [&](auto&& next) {
            if (step == Step::pass) {
                step = next();
            }
        };
        go_on([&] { return transaction->response_header("Content-Type", "text/html"); });
        go_on([&] { return transaction->response_headers(200, "HTTP/1.1"); });
        go_on([&] { return transaction->append_response_body(std::string(600, 'x')); });
        go_on([&] { return transaction->append_response_body("bad"); });
        go_on([&] { return transaction->response_body(); });
        passed |= step == Step::pass;
    });
    assert_false(passed);
}

// What is loaded already needs no parser, whose state a failure would leave in disorder.
void loading_again_and_merging(void**) {
    const Directory directory;
    directory.write("words.data", "one\ntwo\n");
    directory.write("part.conf", "SecRule ARGS \"@pmFromFile words.data\" \"id:3,phase:1,pass\"\n");
    const std::string path = directory.write("top.conf", "Include part.conf\n");
    const RuleSetPtr outer = rules(kRules);
    const RuleSetPtr inner = load({file(path)}).rules;
    bool wrong = false;
    for_each_failing_allocation([&] {
        const Loaded again = load({file(path)});
        wrong |= !again.rules && again.problem.empty();
        if (again.rules) {
            const Loaded both = engine()->merge(again.rules, outer);
            wrong |= both.rules ? both.rules->rules() != 3 : both.problem.empty();
        }
    });
    assert_false(wrong);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(no_request_slips_through),
        cmocka_unit_test(no_response_slips_through),
        cmocka_unit_test(loading_again_and_merging),
    };
    return cmocka_run_group_tests(tests, make_engine, release_engine);
}
