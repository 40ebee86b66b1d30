// waf/core/libmodsecurity_versions.hpp: every shape that releases give a value, and with the
// release of the machine what is made of them.

#include "waf/core/libmodsecurity_versions.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <string>

#include "engine.hpp"

namespace {

using namespace gatehouse::test;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

struct FloatingPoint {
    double m_value;
};

struct WholeNumber {
    std::uint64_t m_value;
};

void limits_of_either_type(void**) {
    assert_int_equal(limit_of(FloatingPoint{0}), 0);
    assert_int_equal(limit_of(FloatingPoint{-1}), 0);
    assert_int_equal(limit_of(FloatingPoint{std::nan("")}), 0);
    assert_int_equal(limit_of(FloatingPoint{131072}), 131072);
    assert_true(limit_of(FloatingPoint{0x1p63}) == std::uint64_t{1} << 63);
    assert_true(limit_of(FloatingPoint{0x1p64}) == kMost);
    assert_true(limit_of(FloatingPoint{1e300}) == kMost);
    assert_int_equal(limit_of(WholeNumber{0}), 0);
    assert_int_equal(limit_of(WholeNumber{131072}), 131072);
    assert_true(limit_of(WholeNumber{kMost}) == kMost);
    assert_true(limit_of(WholeNumber{kMost - 1}) == kMost - 1);
}

struct TakesPointer {
    static std::string log(const TakesPointer*, int, int) { return "a pointer"; }
};

struct TakesReference {
    static std::string log(const TakesReference&, int, int) { return "a reference"; }
};

void names_and_texts_of_either_kind(void**) {
    const std::string name = "rules.conf";
    expect_text(name_of(name), name, "a string");
    const auto shared = std::make_shared<std::string>(name);
    expect_text(name_of(shared), name, "a shared one");
    assert_ptr_equal(name_of(shared).data(), shared->data());
    expect_text(text_of(TakesPointer{}, 0, 0), "a pointer", "text");
    expect_text(text_of(TakesReference{}, 0, 0), "a reference", "text");
}

void the_variable_of_a_match(void**) {
    expect_text(variable_of("Matched \"Operator `StrEq' with parameter `a' against variable "
                            "`ARGS:q' (Value: `a' )"),
                "ARGS:q", "an operator");
    expect_text(
        variable_of("with parameter `' against variable `ARGS:a'b' (Value: `' (Value: `' )"),
        "ARGS:a'b", "the first mark");
    expect_text(variable_of("detected XSS using libinjection."), "", "another text");
    expect_text(variable_of("with parameter `' against variable `ARGS:q"), "ARGS:q", "cut");
    expect_text(variable_of(""), "", "nothing");
}

// Rules that would deny are told together, when their phase is over.
void variables_of_several_denials(void**) {
    const RuleSetPtr set = rules(
        "SecRuleEngine DetectionOnly\nSecRule ARGS:a \"@streq 1\" \"id:1,phase:1,deny\"\n"
        "SecRule ARGS:b \"@streq 2\" \"id:2,phase:1,deny\"\n");
    Exchange exchange;
    exchange.uri = "/?a=1&b=2";
    const Outcome outcome = run(set, exchange);
    assert_int_equal(outcome.listener.heard.size(), 2);
    expect_text(outcome.listener.heard[0].variable, "ARGS:a", "the first");
    expect_text(outcome.listener.heard[1].variable, "ARGS:b", "the second");
}

void what_the_library_says(void**) {
    const Directory directory;
    const std::string path = directory.write(
        "rules.conf",
        "SecRuleEngine On\nSecRequestBodyLimit 1000\nSecResponseBodyLimit 2000\n"
        "SecRule REQUEST_URI \"@contains bad\" \"id:7,phase:1,deny,msg:'found'\"\n");
    const RuleSetPtr set = load({file(path)}).rules;
    assert_non_null(set.get());
    assert_int_equal(set->request_body_limit(), 1000);
    assert_int_equal(set->response_body_limit(), 2000);
    Exchange exchange;
    exchange.uri = "/bad";
    const Outcome outcome = run(set, exchange);
    assert_int_equal(outcome.listener.heard.size(), 1);
    const Heard& match = outcome.listener.heard[0];
    expect_text(match.file, path, "file");
    assert_int_equal(match.line, 4);
    assert_true(match.text.find("[line \"4\"]") != std::string::npos);
}

std::string audit(const std::string& path) { return "SecAuditLog " + path + "\n"; }

// Which log holds is known when all rules have been read: those of other directives, then those of
// outer levels.
void an_audit_log_that_takes_the_place_of_another(void**) {
    const Directory directory;
    const std::string first =
        "SecRuleEngine On\nSecAuditEngine On\n" + audit(directory.path("first.log"));
    const RuleSetPtr both = load({text(first), text(audit(directory.path("second.log")))}).rules;
    run(both, {});
    assert_true(directory.read("second.log").find("an-id") != std::string::npos);
    const RuleSetPtr inner = rules(audit(directory.path("inner.log")));
    Loaded merged = engine()->merge(inner, both);
    run(merged.rules, {});
    assert_true(directory.read("inner.log").find("an-id") != std::string::npos);
    // Others' ends leave it alone.
    const RuleSetPtr last = engine()->merge(inner, rules(first)).rules;
    merged.rules.reset();
    Exchange exchange;
    exchange.id = "the-next";
    run(last, exchange);
    assert_true(directory.read("inner.log").find("the-next") != std::string::npos);
    expect_text(directory.read("first.log"), "", "the log that does not hold");
}

// Memory may run out before the request line is told.
void an_audit_entry_without_a_request(void**) {
    const Directory directory;
    const RuleSetPtr set = rules("SecRuleEngine On\nSecAuditEngine On\nSecAuditLogFormat JSON\n" +
                                 audit(directory.path("audit.log")));
    Listener listener;
    engine()->begin(set, "an-id", listener)->logging(500);
    assert_true(static_cast<bool>(json(directory.read("audit.log"))));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(limits_of_either_type),
        cmocka_unit_test(names_and_texts_of_either_kind),
        cmocka_unit_test(the_variable_of_a_match),
        cmocka_unit_test(variables_of_several_denials),
        cmocka_unit_test(what_the_library_says),
        cmocka_unit_test(an_audit_log_that_takes_the_place_of_another),
        cmocka_unit_test(an_audit_entry_without_a_request),
    };
    return cmocka_run_group_tests(tests, make_engine, release_engine);
}
