// Claims that were signed by somebody, against rules with values from anybody. The input is lines:
// the claims, a path, the expected value, the time of day, a string for lists, the rest for
// nothing.
//
// What must hold: a value survives being written and read; nothing meets both a rule and its
// opposite; a rule decides the same whether its value was there at configuration time or came with
// the request; more leeway never refuses what less admitted, and more demands never admit what
// fewer refused.

#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "jose.hpp"
#include "jwt/core/policy.hpp"
#include "jwt/core/requirement.hpp"
#include "property.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::fuzz;
using namespace gatehouse::test;

constexpr std::array<std::string_view, 12> kOperators{
    "eq", "ne", "gt", "ge", "lt", "le", "in", "nin", "any", "intersect", "nintersect", "match"};

std::string written(const json_t* value) {
    std::string out;
    append_json(out, value);
    return out;
}

void check_writing(std::string_view text, const json_t* value) {
    const auto again = parse_json(written(value), {});
    require(again.has_value(), "what is written can be read");
    require(equal(value, again->get()) && equal(again->get(), value), "and is the same");
    const auto compact = parse_json(compact_json(text), {});
    require(compact && equal(value, compact->get()), "compact text is the same");
    std::string shown;
    append_text(shown, value);
}

void check_rule(const json_t* claims, const Path& path, std::string_view name,
                std::string_view text) {
    const Operator op = *Operator::parse(name);
    const Operator opposite = *Operator::parse('!' + std::string(name));
    const bool met = Requirement::dynamic(path, op).met_by(claims, text);
    const bool opposite_met = Requirement::dynamic(path, opposite).met_by(claims, text);
    require(!(met && opposite_met), "a rule and its opposite are not both met");
    require(!(met || opposite_met) || path.find(claims) != nullptr, "a missing claim rejects");
    const auto expected = parse_json(text, {});
    if (!expected) {
        require(!met && !opposite_met, "a value that is not JSON rejects");
        return;
    }
    const auto literal = Requirement::literal(path, op, *expected);
    const auto literal_opposite = Requirement::literal(path, opposite, *expected);
    require(literal.ok() == literal_opposite.ok(), "a value fits both or none");
    require(!literal || literal->met_by(claims, "") == met, "literal and dynamic agree");
    require(!literal || literal_opposite->met_by(claims, "") == opposite_met,
            "so do the opposites");
    require(literal || (!met && !opposite_met), "a value that does not fit rejects");
}

void check_policy(const Token& token, double now, std::string_view word) {
    Policy policy;
    const Error plain = check_claims(token, policy, now);
    for (const double leeway : {1.0, 60.0, 1e18}) {
        policy.leeway = leeway;
        require(plain != Error::none || check_claims(token, policy, now) == Error::none,
                "more leeway admits no less");
    }
    const std::string text(word);
    const std::array<void (*)(Policy&, const std::string&), 5> demands{
        [](Policy& p, const std::string&) { p.max_lifetime = 3600; },
        [](Policy& p, const std::string& one) { p.issuers = {one}; },
        [](Policy& p, const std::string& one) {
            p.audiences = {one, "api"};
        },
        [](Policy& p, const std::string& one) { p.scopes = {one}; },
        [](Policy& p, const std::string& one) { p.required_claims = {one}; },
    };
    for (const auto demand : demands) {
        Policy strict;
        demand(strict, text);
        require(plain == Error::none || check_claims(token, strict, now) != Error::none,
                "more demands admit no more");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input = text_of(data, size);
    const std::string_view claims = take_line(input), path_text = take_line(input),
                           expected = take_line(input), time = take_line(input),
                           word = take_line(input);
    const auto value = parse_json_object(claims, {});
    if (!value) {
        return 0;
    }
    check_writing(claims, value->get());
    const auto revoked = RevocationList::parse(claims);
    require(revoked && revoked->contains("sub") == (member(value->get(), "sub") != nullptr),
            "an object is a revocation list");

    auto path = Path::parse_jq(path_text);
    const Path where = path ? *path : Path::of_names({std::string(path_text)});
    for (const std::string_view name : kOperators) {
        check_rule(value->get(), where, name, expected);
    }

    double now = 0;
    std::from_chars(time.data(), time.data() + time.size(), now);
    const std::string text = compact_jws(R"({"alg":"HS256"})", claims, "s");
    HeaderCache headers;
    auto token = Token::parse(text, {.bytes = text.size(), .json = {}}, headers);
    require(token && token->load_claims() == Error::none, "acceptable JSON is acceptable claims");
    if (std::abs(now) < 1e15) {
        check_policy(*token, now, word);
    }
    return 0;
}
