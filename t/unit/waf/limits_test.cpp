// What a request may cost, in waf/core/engine.hpp: libmodsecurity comes to an end in time.

#include "waf/core/limits.hpp"

#include <chrono>
#include <ctime>
#include <string>

#include "engine.hpp"

namespace {

using namespace gatehouse::test;
using std::chrono::milliseconds;

const std::string kRules = "SecRuleEngine On\nSecRequestBodyAccess On\n";

// Each `a` is where it may begin, and backtracks over those behind it, and again.
const std::string kSlowPattern = kRules + "SecRule ARGS \"@rx a*a*a*[bc]\" \"id:1,phase:2,deny\"\n";

void check(bool held, std::string_view what) { expect(held, "limits", what); }

std::string repeat(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) {
        all += text;
    }
    return all;
}

double processor_seconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

struct Trial {
    Step step = Step::pass;
    Excess excess = Excess::none;
    Step logging = Step::pass;
    bool enforces = false;
    std::string ids;
};

Trial try_body(const RuleSetPtr& set, const Limits& limits, std::string_view type,
               std::string_view body, bool detect = false) {
    Trial trial;
    Listener listener;
    const auto transaction = engine()->begin(set, "", listener);
    transaction->limit(limits);
    if (detect) {
        transaction->detect_only();
    }
    transaction->uri(Target("/?q=1"), "POST", "1.1");
    transaction->request_header("Content-Type", type);
    trial.step = transaction->request_headers();
    if (trial.step == Step::pass) {
        trial.step = transaction->append_request_body(body);
    }
    if (trial.step == Step::pass) {
        trial.step = transaction->request_body();
    }
    trial.excess = transaction->excess();
    trial.enforces = transaction->enforces();
    trial.logging = transaction->logging(200);
    trial.ids = listener.ids();
    return trial;
}

Trial try_form(const RuleSetPtr& set, const Limits& limits, const std::string& form,
               bool detect = false) {
    return try_body(set, limits, "application/x-www-form-urlencoded", form, detect);
}

Limits with_time(milliseconds time) {
    Limits limits;
    limits.time = time;
    limits.time_per_mebibyte = milliseconds(0);
    return limits;
}

void a_pattern_is_left_when_time_is_over(void**) {
    const std::string post = "SecRule REQUEST_METHOD \"@streq POST\" ";
    const RuleSetPtr set = rules(kSlowPattern + post + "\"id:2,phase:2,pass,log\"\n" + post +
                                 "\"id:3,phase:5,pass,log\"\n");
    const double before = processor_seconds();
    const Trial trial = try_form(set, with_time(milliseconds(20)), "a=" + std::string(20'000, 'a'));
    check(trial.step == Step::exceeded, "step");
    // A loaded machine tells of the time so late that PCRE2's own bound may come first.
    check(trial.excess == Excess::time || trial.excess == Excess::pattern, "excess");
    check(trial.enforces, "enforces");
    // The rules behind it are skipped, those of the logging phase run.
    check(trial.ids == "3" || trial.excess == Excess::pattern, "rules");
    check(trial.logging == Step::pass, "logging");
    // It would take hours. (Sanitizers are slow, and so may be the machine.)
    check(processor_seconds() - before < 10, "time");
}

void what_has_time_is_judged(void**) {
    const RuleSetPtr set = rules(kSlowPattern);
    for (int i = 0; i < 50; ++i) {
        const Trial none = try_form(set, Limits{}, "a=" + std::string(50, 'a'));
        check(none.step == Step::pass && none.excess == Excess::none, "no match");
        const Trial match = try_form(set, Limits{}, "a=aab");
        check(match.step == Step::intervene && match.excess == Excess::none, "match");
    }
}

void time_grows_with_what_is_inspected(void**) {
    const RuleSetPtr set = rules(kRules);
    Limits limits = with_time(milliseconds(1));
    limits.time_per_mebibyte = milliseconds(60'000);
    check(
        try_form(set, limits, repeat("a=1&", 1900) + std::string(500'000, 'x')).step == Step::pass,
        "a large form");
}

void other_loops_end_in_time(void**) {
    const RuleSetPtr spaces =
        rules(kRules + "SecRule ARGS \"@contains b\" \"id:1,phase:2,deny,t:removeWhitespace\"\n");
    const Trial trial =
        try_form(spaces, with_time(milliseconds(20)), "a=" + std::string(4'000'000, '+'));
#if MODSECURITY_VERSION_NUM < 30130
    check(trial.step == Step::exceeded && trial.excess == Excess::time, "removing blanks");
#else
    check(trial.excess == Excess::none || trial.excess == Excess::time, "removing blanks");
#endif

    const RuleSetPtr xml =
        rules(kRules + "SecAction \"id:1,phase:1,nolog,pass,ctl:requestBodyProcessor=XML\"\n");
    std::string spaces_of_names;
    for (int level = 0; level < 9; ++level) {
        spaces_of_names += "<a";
        for (int i = 0; i < 900; ++i) {
            spaces_of_names +=
                " xmlns:p" + std::to_string(level) + 'x' + std::to_string(i) + "='b'";
        }
        spaces_of_names += '>';
    }
    const std::string body =
        "<r>" + spaces_of_names + repeat("<p0x0:a/>", 60'000) + repeat("</a>", 9) + "</r>";
    const Trial parsed = try_body(xml, with_time(milliseconds(20)), "text/xml", body);
    check(parsed.step == Step::exceeded && parsed.excess == Excess::time, "parsing XML");
}

// Of what matches the library remembers the place for good, and copies all places for each macro:
// 6000 matches take it 2 seconds, and 600 a fiftieth of one.
void matches_take_their_time_only(void**) {
    const RuleSetPtr set = rules(kRules +
                                 "SecRule ARGS \"@detectSQLi\" \"id:1,phase:2,pass,log,multiMatch,"
                                 "t:none,msg:'m',logdata:'%{MATCHED_VAR_NAME} %{MATCHED_VAR}'\"\n");
    const auto seconds_of = [&](std::size_t matches) {
        Limits limits = with_time(milliseconds(60'000));
        limits.arguments = matches + 10;
        const double before = processor_seconds();
        const Trial trial = try_form(set, limits, repeat("a=1'+or+1=1+&", matches));
        check(trial.step == Step::pass && trial.excess == Excess::none, "step");
        return processor_seconds() - before;
    };
    const double few = seconds_of(600);
    check(seconds_of(6000) < few * 40, "ten times as many");
}

// A pattern that is left does not match, which is what this rule is about. It has variables left.
void nothing_matches_when_time_is_over(void**) {
    const RuleSetPtr set = rules(
        kRules + "SecRule ARGS \"!@rx a*a*a*[bc]\" \"id:1,phase:2,pass,log,multiMatch,t:none\"\n");
    const std::string form = "a=" + std::string(20'000, 'a') + repeat("&b=1", 100);
    // Enough to get that far on a loaded machine, too.
    const Trial trial = try_form(set, with_time(milliseconds(60)), form);
    check(trial.step == Step::exceeded, "step");
    check(trial.excess == Excess::time || trial.excess == Excess::pattern, "excess");
    check(trial.ids.starts_with("1"), "the argument of the query, before");
}

void without_a_limit_nothing_is_left(void**) {
    const RuleSetPtr set = rules(kSlowPattern);
    const Trial trial = try_form(set, with_time(milliseconds(0)), "a=" + std::string(800, 'a'));
    check(trial.step == Step::pass && trial.excess == Excess::none, "no bound");
}

void detection_is_bounded_too(void**) {
    const RuleSetPtr set = rules(kSlowPattern);
    const std::string form = "a=" + std::string(20'000, 'a');
    const Trial trial = try_form(set, with_time(milliseconds(20)), form, true);
    check(trial.step == Step::exceeded && !trial.enforces, "detect_only");
    const RuleSetPtr off = rules(
        "SecRuleEngine DetectionOnly\nSecRequestBodyAccess On\n"
        "SecRule ARGS \"@rx a*a*a*[bc]\" \"id:1,phase:2,deny\"\n");
    const Trial detection = try_form(off, with_time(milliseconds(20)), form);
    check(detection.step == Step::exceeded && !detection.enforces, "DetectionOnly");
}

void a_pattern_that_pcre_gives_up_is_no_pass(void**) {
    const RuleSetPtr set = rules(
        kRules + "SecRule ARGS \"@rx (*LIMIT_MATCH=1)^(?:a|b)+[cd]\" \"id:1,phase:2,deny\"\n");
    const Trial trial = try_form(set, Limits{}, "a=abababab");
    check(trial.step == Step::exceeded && trial.excess == Excess::pattern, "given up");
}

void things_are_counted(void**) {
    const RuleSetPtr set = rules(kRules);
    Limits limits;
    limits.arguments = 3;
    check(try_form(set, limits, "a&b").step == Step::pass, "two and one of the query");
    check(try_form(set, limits, "a&b&c").excess == Excess::arguments, "three and one");
    limits.fields = 1;
    check(try_form(set, limits, "a").step == Step::pass, "one field");

    Listener listener;
    const auto transaction = engine()->begin(set, "", listener);
    Limits few;
    few.fields = 3;
    few.cookies = 2;
    few.arguments = 1;
    transaction->limit(few);
    check(transaction->uri(Target("/?a"), "GET", "1.1") == Step::pass, "an argument");
    check(transaction->request_header("Cookie", "a=1; b=2") == Step::pass, "two cookies");
    check(transaction->request_header("X", "a;b;c;d") == Step::pass, "no cookies");
    check(transaction->request_header("cookie", "c=3") == Step::exceeded, "three cookies");
    check(transaction->excess() == Excess::cookies, "cookies");

    const auto another = engine()->begin(set, "", listener);
    another->limit(few);
    check(another->uri(Target("/?a&b"), "GET", "1.1") == Step::exceeded, "two arguments");
    check(another->excess() == Excess::arguments, "arguments");

    const auto third = engine()->begin(set, "", listener);
    third->limit(few);
    for (int i = 0; i < 3; ++i) {
        check(third->request_header("X", "y") == Step::pass, "a field");
    }
    check(third->request_header("X", "y") == Step::exceeded, "four fields");
    expect_text(describe(third->excess(), few), "more than 3 header fields", "text");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_is_left_when_time_is_over),
        cmocka_unit_test(what_has_time_is_judged),
        cmocka_unit_test(time_grows_with_what_is_inspected),
        cmocka_unit_test(other_loops_end_in_time),
        cmocka_unit_test(matches_take_their_time_only),
        cmocka_unit_test(nothing_matches_when_time_is_over),
        cmocka_unit_test(without_a_limit_nothing_is_left),
        cmocka_unit_test(detection_is_bounded_too),
        cmocka_unit_test(a_pattern_that_pcre_gives_up_is_no_pass),
        cmocka_unit_test(things_are_counted),
    };
    return cmocka_run_group_tests(tests, make_engine, release_engine);
}
