// Bodies in waf/core/engine.hpp: whether they are read, limits, the audit log.

#include <string>

#include "engine.hpp"

namespace {

using namespace gatehouse::test;

const std::string kRequests =
    "SecRuleEngine On\nSecRequestBodyAccess On\n"
    "SecRule REQUEST_BODY \"@contains bad\" \"id:1,phase:2,deny,msg:a\"\n";
const std::string kResponses =
    "SecRuleEngine On\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/html text/plain\n"
    "SecRule RESPONSE_BODY \"@contains bad\" \"id:1,phase:4,deny,msg:a\"\n";

// Feeds the body in pieces, as it comes from the network.
Step feed_request(const RuleSetPtr& set, const std::string& body, std::size_t piece) {
    Listener listener;
    const auto transaction = engine()->begin(set, "", listener);
    transaction->uri(Target("/"), "POST", "1.1");
    Step step = transaction->request_headers();
    for (std::size_t at = 0; at < body.size() && step == Step::pass; at += piece) {
        step = transaction->append_request_body(std::string_view(body).substr(at, piece));
    }
    return step == Step::pass ? transaction->request_body() : step;
}

Step feed_response(const RuleSetPtr& set, const std::string& body, std::size_t piece,
                   std::string_view type = "text/html; charset=utf-8", bool any = false) {
    Listener listener;
    const auto transaction = engine()->begin(set, "", listener);
    transaction->uri(Target("/"), "GET", "1.1");
    transaction->request_headers();
    transaction->response_header("Content-Type", type);
    Step step = transaction->response_headers(200, "HTTP/1.1");
    if (any) {
        transaction->read_any_response_type();
    }
    for (std::size_t at = 0; at < body.size() && step == Step::pass; at += piece) {
        step = transaction->append_response_body(std::string_view(body).substr(at, piece));
    }
    return step == Step::pass ? transaction->response_body() : step;
}

void bodies_come_in_pieces(void**) {
    for (std::size_t piece = 1; piece <= 12; ++piece) {
        const std::string row = std::to_string(piece);
        expect(feed_request(rules(kRequests), "this is bad", piece) == Step::intervene, row, "bad");
        expect(feed_request(rules(kRequests), "this is good", piece) == Step::pass, row, "good");
        expect(feed_response(rules(kResponses), "this is bad", piece) == Step::intervene, row,
               "bad response");
        expect(feed_response(rules(kResponses), "this is good", piece) == Step::pass, row,
               "good response");
    }
}

void beyond_the_limit_requests_are_rejected(void**) {
    const std::string limit = "SecRequestBodyLimit 8\nSecRequestBodyLimitAction Reject\n";
    const RuleSetPtr set = rules(kRequests + limit);
    assert_int_equal(set->request_body_limit(), 8);
    for (std::size_t piece = 1; piece <= 9; ++piece) {
        const std::string row = std::to_string(piece);
        expect(feed_request(set, "12345678", piece) == Step::pass, row, "just so");
        expect(feed_request(set, "123456789", piece) == Step::intervene, row, "too much");
    }
    Exchange exchange;
    exchange.body = "123456789";
    const Outcome outcome = run(set, exchange);
    assert_int_equal(outcome.intervention.status, 403);
    assert_true(outcome.listener.heard.empty());
    expect_text(outcome.intervention.log, "Request body limit is marked to reject the request",
                "log");
    assert_true(run(set, exchange, true).step == Step::pass);
}

// What fits is read, and that there is more is no failure.
void beyond_the_limit_requests_are_read_in_part(void**) {
    const RuleSetPtr set =
        rules(kRequests +
              "SecRequestBodyLimit 8\nSecRequestBodyLimitAction ProcessPartial\n"
              "SecRule INBOUND_DATA_ERROR \"@eq 1\" \"id:2,phase:2,pass,msg:b\"\n");
    for (std::size_t piece = 1; piece <= 12; ++piece) {
        const std::string row = std::to_string(piece);
        expect(feed_request(set, "12345bad9012", piece) == Step::intervene, row, "inside");
        expect(feed_request(set, "123456bad012", piece) == Step::pass, row, "across");
    }
    Exchange exchange;
    exchange.body = "123456789";
    expect_text(run(set, exchange).listener.ids(), "2", "told");
}

void responses_have_limits_too(void**) {
    const RuleSetPtr rejecting =
        rules(kResponses + "SecResponseBodyLimit 8\nSecResponseBodyLimitAction Reject\n");
    assert_int_equal(rejecting->response_body_limit(), 8);
    const RuleSetPtr partial =
        rules(kResponses + "SecResponseBodyLimit 8\nSecResponseBodyLimitAction ProcessPartial\n");
    for (std::size_t piece = 1; piece <= 12; ++piece) {
        const std::string row = std::to_string(piece);
        expect(feed_response(rejecting, "12345678", piece) == Step::pass, row, "just so");
        expect(feed_response(rejecting, "123456789", piece) == Step::intervene, row, "too much");
        expect(feed_response(partial, "12345bad9012", piece) == Step::intervene, row, "inside");
        expect(feed_response(partial, "123456bad012", piece) == Step::pass, row, "across");
    }
}

void only_some_types_are_read(void**) {
    const RuleSetPtr set = rules(kResponses);
    assert_true(set->reads_response_body());
    assert_true(set->reads_response_type("text/html"));
    assert_true(set->reads_response_type("Text/PLAIN"));
    assert_false(set->reads_response_type("image/png"));
    assert_false(set->reads_response_type(""));
    assert_true(feed_response(set, "bad", 3, "text/plain") == Step::intervene);
    assert_true(feed_response(set, "bad", 3, "image/png") == Step::pass);
    assert_true(feed_response(set, "bad", 2, "image/png", true) == Step::intervene);
    assert_true(feed_response(set, "bad", 2, "Text/HTML", true) == Step::intervene);
    // Of that transaction only.
    assert_false(set->reads_response_type("image/png"));
    assert_true(feed_response(set, "bad", 3, "image/png") == Step::pass);
    assert_true(feed_response(set, "bad", 3, "text/html", true) == Step::intervene);
    assert_true(set->reads_response_type("text/html"));
    // Without a list every type is.
    const RuleSetPtr all = rules(
        "SecRuleEngine On\nSecResponseBodyAccess On\n"
        "SecRule RESPONSE_BODY \"@contains bad\" \"id:1,phase:4,deny\"");
    assert_true(all->reads_response_type("image/png"));
    assert_true(feed_response(all, "bad", 3, "image/png") == Step::intervene);
}

bool reads(const std::string& text) {
    Listener listener;
    const auto transaction = engine()->begin(rules(text), "", listener);
    transaction->uri(Target("/"), "POST", "1.1");
    transaction->request_headers();
    return transaction->reads_request_body();
}

// Only Off is off, as far as requests go; rules can decide otherwise for one of them.
void whether_the_request_is_read(void**) {
    const std::string on = "SecAction \"id:1,phase:1,pass,nolog,ctl:requestBodyAccess=On\"";
    const std::string off = "SecAction \"id:1,phase:1,pass,nolog,ctl:requestBodyAccess=Off\"";
    assert_true(reads("SecRuleEngine On"));
    assert_true(reads("SecRuleEngine DetectionOnly\nSecRequestBodyAccess On"));
    assert_false(reads("SecRuleEngine On\nSecRequestBodyAccess Off"));
    assert_true(reads("SecRuleEngine On\nSecRequestBodyAccess Off\n" + on));
    assert_false(reads("SecRuleEngine On\nSecRequestBodyAccess On\n" + off));
    assert_false(reads("SecRuleEngine Off\nSecRequestBodyAccess On"));
    assert_false(
        reads("SecRuleEngine On\nSecRequestBodyAccess On\n"
              "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleEngine=Off\""));
    assert_true(rules("SecRuleEngine On")->reads_request_body());
    assert_false(rules("SecRequestBodyAccess Off")->reads_request_body());
    assert_false(rules("SecRuleEngine On")->reads_response_body());
    assert_int_equal(rules("SecRuleEngine On")->request_body_limit(), 0);
    assert_int_equal(rules("SecRuleEngine On")->response_body_limit(), 0);
}

void the_audit_log_is_written(void**) {
    const Directory directory;
    const std::string text =
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecAuditEngine RelevantOnly\n"
        "SecAuditLogRelevantStatus \"^5\"\nSecAuditLogParts ABCFHZ\nSecAuditLog " +
        directory.path("audit.log") +
        "\nSecRule ARGS:q \"@streq bad\" \"id:1,phase:1,deny,status:418,msg:'not so'\"";
    const RuleSetPtr set = rules(text);
    run(set, {});
    expect_text(directory.read("audit.log"), "", "nothing to write");
    Exchange exchange;
    exchange.uri = "/?q=bad";
    run(set, exchange);
    const std::string log = directory.read("audit.log");
    for (const char* part : {"an-id 192.0.2.1 1234 192.0.2.2 80", "GET /?q=bad HTTP/1.1",
                             "Host: site.test", "HTTP/1.1 418", "[id \"1\"]", "[msg \"not so\"]"}) {
        expect(log.find(part) != std::string::npos, part, "in the audit log");
    }
    // The status alone can be relevant.
    exchange.uri = "/";
    exchange.status = 502;
    exchange.id = "another";
    run(set, exchange);
    assert_true(directory.read("audit.log").find("another 192.0.2.1") != std::string::npos);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(bodies_come_in_pieces),
        cmocka_unit_test(beyond_the_limit_requests_are_rejected),
        cmocka_unit_test(beyond_the_limit_requests_are_read_in_part),
        cmocka_unit_test(responses_have_limits_too),
        cmocka_unit_test(only_some_types_are_read),
        cmocka_unit_test(whether_the_request_is_read),
        cmocka_unit_test(the_audit_log_is_written),
    };
    return cmocka_run_group_tests(tests, make_engine, release_engine);
}
