#include "jwt/core/token.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expect.hpp"
#include "jose.hpp"
#include "oom.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;
using namespace std::literals;

constexpr std::string_view kHeader = R"({"alg":"HS256"})";
constexpr std::string_view kClaims = R"({"sub":"joe"})";

// {"alg":"HS256"}, {"sub":"joe"} and 32 octets, encoded.
const std::string kH = base64url(kHeader);
const std::string kP = base64url(kClaims);
const std::string kS = base64url(std::string(32, 's'));

Error parse_error(std::string_view text, const TokenLimits& limits = {}) {
    HeaderCache headers;
    return error_of(Token::parse(text, limits, headers));
}

// An acceptable token with this header.
std::string with_header(std::string_view header) { return base64url(header) + '.' + kP + '.' + kS; }

Error claims_error(const std::string& encoded, const TokenLimits& limits = {}) {
    const std::string text = kH + '.' + encoded + '.' + kS;
    HeaderCache headers;
    auto token = Token::parse(text, limits, headers);
    expect_error(error_of(token), Error::none, text);
    expect(token->claims() == nullptr && token->payload().empty(), text, "no claims yet");
    const Error first = token->load_claims();
    expect(token->load_claims() == first, text, "the first answer again");
    expect((token->claims() != nullptr) == (first == Error::none), text, "claims");
    expect(token->payload().empty() == (first != Error::none), text, "payload");
    return first;
}

void the_parts_of_a_token_are_its_parts(void**) {
    const std::string header = R"({"alg":"ES256","kid":"k 1","typ":"JWT","more":[1]})";
    const std::string payload = " {\"sub\":\"joe\"}\n";
    const std::string text = compact_jws(header, payload, "\0signature"sv);
    HeaderCache headers;
    const TokenLimits limits{.bytes = 1000, .json = {.depth = 9, .members = 99}};
    auto token = Token::parse(text, limits, headers);
    assert_true(token.ok());
    assert_ptr_equal(token->text().data(), text.data());
    assert_int_equal(token->text().size(), text.size());
    assert_true(token->limits() == limits);
    assert_true(token->algorithm() == Algorithm::es256);
    assert_true(token->kid() == "k 1");
    assert_true(token->signing_input() == base64url(header) + '.' + base64url(payload));
    assert_true(token->signature() == "\0signature"sv);
    assert_int_equal(json_object_size(token->header()), 4);
    assert_true(token->load_claims() == Error::none);
    assert_true(token->payload() == payload);
    assert_true(string_of(member(token->claims(), "sub")) == "joe");
    // The same token in another place.
    const Token moved = std::move(*token);
    assert_true(moved.payload() == payload);
    assert_ptr_equal(moved.text().data(), text.data());
    assert_true(moved.signature() == "\0signature"sv);
}

void the_structure_is_checked(void**) {
    struct Row {
        std::string text;
        Error expected;
    };
    const std::array<Row, 22> rows{{
        {kH + '.' + kP + '.' + kS, Error::none},
        {"", Error::not_compact_jws},
        {".", Error::not_compact_jws},
        {"..", Error::not_compact_jws},
        {"...", Error::not_compact_jws},
        {"....", Error::encrypted_token},
        {".....", Error::not_compact_jws},
        {kH, Error::not_compact_jws},
        {kH + '.' + kP, Error::not_compact_jws},
        {kH + '.' + kP + '.', Error::not_compact_jws},
        {kH + ".." + kS, Error::not_compact_jws},
        {'.' + kP + '.' + kS, Error::not_compact_jws},
        {kH + '.' + kP + '.' + kS + '.', Error::not_compact_jws},
        {'.' + kH + '.' + kP + '.' + kS, Error::not_compact_jws},
        {kH + '.' + kP + '.' + kS + '.' + kS, Error::not_compact_jws},
        {kH + '.' + kP + '.' + kS + '.' + kS + '.' + kS, Error::encrypted_token},
        {kH + "...." + kS, Error::encrypted_token},
        {std::string(5000, '.'), Error::not_compact_jws},
        {"Bearer " + kH + '.' + kP + '.' + kS, Error::bad_base64url},
        {kH + ',' + kP + ',' + kS, Error::not_compact_jws},
        {R"({"payload":"","signatures":[]})", Error::not_compact_jws},
        {std::string(16384, 'A'), Error::not_compact_jws},
    }};
    for (const Row& row : rows) {
        expect_error(parse_error(row.text), row.expected, row.text);
    }
}

void the_size_is_checked_first(void**) {
    const std::string text = kH + '.' + kP + '.' + kS;
    expect_error(parse_error(text, {.bytes = text.size(), .json = {}}), Error::none, "just fits");
    expect_error(parse_error(text, {.bytes = text.size() - 1, .json = {}}), Error::token_too_large,
                 "one more");
    expect_error(parse_error(std::string(16385, '.')), Error::token_too_large, "default");
    expect_error(parse_error(std::string(60'000, 'A')), Error::token_too_large, "60 kB");
    expect_error(parse_error("", {.bytes = 0, .json = {}}), Error::not_compact_jws, "empty");
}

void padding_is_accepted_where_that_is_said(void**) {
    const auto padded = [](std::string text) {
        return text + std::string((4 - text.size() % 4) % 4, '=');
    };
    // Without padding they are 2, 2 and 3 octets beyond whole groups.
    const std::string header = base64url(R"({"alg":"ES256","k":10})"),
                      claims = base64url(R"({"sub":"ali"})"), signature = base64url("12345");
    const std::string text = padded(header) + '.' + padded(claims) + '.' + padded(signature);
    TokenLimits limits;
    expect_error(parse_error(text, limits), Error::bad_base64url, "not said");
    limits.padding = true;
    HeaderCache headers;
    auto token = Token::parse(text, limits, headers);
    expect_error(error_of(token), Error::none, "said");
    assert_true(token->load_claims() == Error::none);
    assert_true(token->signature() == "12345");
    assert_true(token->signing_input() == padded(header) + '.' + padded(claims));
    expect_error(parse_error(header + '.' + claims + '.' + signature, limits), Error::none, "bare");
    for (const std::string& other :
         {header + '.' + padded(claims) + '.' + padded(signature),
          padded(header) + '.' + claims + '.' + padded(signature),
          padded(header) + '.' + padded(claims) + '.' + signature, text + '=',
          text + "====", '=' + text, padded(header) + "=.." + signature}) {
        expect(parse_error(other, limits) != Error::none, other, "refused");
    }
}

// Ways to spell other octets, or the same ones differently.
std::array<std::string, 9> misspelt(const std::string& part) {
    return {part + '=',   part + "==",       part + ' ',
            ' ' + part,   part + '\n',       part + '\0',
            part + "A+/", part + "\xc3\xa9", part.substr(0, part.size() / 4 * 4) + "AB"};
}

void base64url_is_canonical(void**) {
    for (const std::string& header : misspelt(kH)) {
        expect_error(parse_error(header + '.' + kP + '.' + kS), Error::bad_base64url, header);
    }
    for (const std::string& signature : misspelt(kS)) {
        expect_error(parse_error(kH + '.' + kP + '.' + signature), Error::bad_base64url, signature);
    }
    for (const std::string& payload : misspelt(kP)) {
        expect_error(claims_error(payload), Error::bad_base64url, payload);
    }
}

void the_header_is_an_acceptable_object(void**) {
    constexpr std::array kRefused{
        "x"sv,
        "[]"sv,
        "\"HS256\""sv,
        "null"sv,
        "{}x"sv,
        R"({"alg":"HS256")"sv,
        R"({"alg":"HS256",})"sv,
        R"({"alg":"HS256","alg":"HS256"})"sv,
        R"({"alg":"HS256","\u0061lg":"none"})"sv,
        R"({"alg":"HS256","x":{"a":1,"a":1}})"sv,
        R"({"alg":"HS256","x":"\u0000"})"sv,
        "{\"alg\":\"HS256\",\"x\":\"\xff\"}"sv,
        "{\"alg\":\"HS256\"}\0"sv,
        "\xef\xbb\xbf{\"alg\":\"HS256\"}"sv,
        R"({'alg':'HS256'})"sv,
        R"({"alg":"HS256","x":1e999})"sv,
    };
    for (const std::string_view header : kRefused) {
        expect_error(parse_error(with_header(header)), Error::header_not_json, header);
    }
    const std::string deep =
        R"({"alg":"HS256","x":)" + std::string(3000, '[') + std::string(3000, ']') + '}';
    expect_error(parse_error(with_header(deep)), Error::header_not_json, "3000 deep");
    const TokenLimits shallow{.json = {.depth = 2, .members = 100}};
    expect_error(parse_error(with_header(R"({"alg":"HS256","x":[]})"), shallow), Error::none,
                 "depth 2");
    expect_error(parse_error(with_header(R"({"alg":"HS256","x":[[]]})"), shallow),
                 Error::header_not_json, "depth 3");
    const TokenLimits narrow{.json = {.depth = 9, .members = 2}};
    expect_error(parse_error(with_header(R"({"alg":"HS256","x":1})"), narrow), Error::none,
                 "2 members");
    expect_error(parse_error(with_header(R"({"alg":"HS256","x":1,"y":2})"), narrow),
                 Error::header_not_json, "3 members");
}

struct Row {
    std::string_view header;
    Error expected;
};

constexpr std::array<Row, 40> kHeaders{{
    // RFC 7515 section 4.1.11 and RFC 7797: whatever they hold
    {R"({"alg":"HS256","crit":["exp"]})", Error::header_not_allowed},
    {R"({"alg":"HS256","crit":[]})", Error::header_not_allowed},
    {R"({"alg":"HS256","crit":null})", Error::header_not_allowed},
    {R"({"alg":"HS256","crit":"x"})", Error::header_not_allowed},
    {R"({"alg":"HS256","\u0063rit":["b64"],"b64":false})", Error::header_not_allowed},
    {R"({"alg":"HS256","b64":false})", Error::header_not_allowed},
    {R"({"alg":"HS256","b64":true})", Error::header_not_allowed},
    {R"({"alg":"HS256","b64":null})", Error::header_not_allowed},
    {R"({"alg":"HS256","Crit":["exp"]})", Error::none},
    {R"({"alg":"HS256","x":{"crit":[]}})", Error::none},
    // algorithms
    {"{}", Error::algorithm_missing},
    {R"({"ALG":"HS256"})", Error::algorithm_missing},
    {R"({"alg":null})", Error::algorithm_missing},
    {R"({"alg":256})", Error::algorithm_missing},
    {R"({"alg":["HS256"]})", Error::algorithm_missing},
    {R"({"alg":{"HS256":1}})", Error::algorithm_missing},
    {R"({"alg":""})", Error::algorithm_unsupported},
    {R"({"alg":"none"})", Error::algorithm_unsupported},
    {R"({"alg":"None"})", Error::algorithm_unsupported},
    {R"({"alg":"NONE"})", Error::algorithm_unsupported},
    {R"({"alg":"nOnE"})", Error::algorithm_unsupported},
    {R"({"alg":"\u006eone"})", Error::algorithm_unsupported},
    {R"({"alg":" none"})", Error::algorithm_unsupported},
    {R"({"alg":"hs256"})", Error::algorithm_unsupported},
    {R"({"alg":"HS256 "})", Error::algorithm_unsupported},
    {R"({"alg":"RS1"})", Error::algorithm_unsupported},
    {R"({"alg":"RSA1_5"})", Error::algorithm_unsupported},
    {R"({"alg":"dir"})", Error::algorithm_unsupported},
    {R"({"alg":"HS\u0032\u00356"})", Error::none},
    {R"({"alg":"Ed448"})", Error::none},
    // kid
    {R"({"alg":"HS256","kid":""})", Error::none},
    {R"({"alg":"HS256","kid":"../../dev/null"})", Error::none},
    {R"({"alg":"HS256","kid":1})", Error::kid_not_string},
    {R"({"alg":"HS256","kid":null})", Error::kid_not_string},
    {R"({"alg":"HS256","kid":["a"]})", Error::kid_not_string},
    {R"({"alg":"HS256","kid":{}})", Error::kid_not_string},
    // what is not understood is ignored, and so is where a sender would have us fetch keys
    {R"({"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"jku":"https://a.test","x5u":1})",
     Error::none},
    {R"({"alg":"HS256","x5c":["!"],"x5t":"a","cty":"JWT","zip":"DEF"})", Error::none},
    {R"({"alg":"HS256","typ":7})", Error::none},
    {" {\t\"alg\" :\r\n\"HS256\" } ", Error::none},
}};

void header_members_are_checked(void**) {
    for (const Row& row : kHeaders) {
        expect_error(parse_error(with_header(row.header)), row.expected, row.header);
    }
}

void an_empty_kid_is_a_kid(void**) {
    HeaderCache headers;
    const std::string with = with_header(R"({"alg":"HS256","kid":""})"),
                      without = with_header(kHeader);
    assert_true(Token::parse(with, {}, headers)->kid() == "");
    assert_false(Token::parse(without, {}, headers)->kid().has_value());
}

void the_claims_are_an_acceptable_object(void**) {
    constexpr std::array kRefused{
        "x"sv,
        "[]"sv,
        "\"a\""sv,
        "null"sv,
        "1"sv,
        "true"sv,
        "{}x"sv,
        R"({"a":1)"sv,
        "{}\0"sv,
        R"({"exp":1,"exp":2})"sv,
        R"({"exp":1,"\u0065xp":2})"sv,
        R"({"a":{"b":1,"b":1}})"sv,
        R"({"a":"\u0000"})"sv,
        "{\"a\":\"\xc0\x80\"}"sv,
        R"({"exp":1e999})"sv,
        R"({"exp":99999999999999999999})"sv,
    };
    for (const std::string_view claims : kRefused) {
        expect_error(claims_error(base64url(claims)), Error::claims_not_json, claims);
    }
    for (const std::string_view claims : {"{}"sv, " { } "sv, R"({"":{"":[]}})"sv}) {
        expect_error(claims_error(base64url(claims)), Error::none, claims);
    }
    const std::string deep = "{\"a\":" + std::string(3000, '[') + std::string(3000, ']') + '}';
    expect_error(claims_error(base64url(deep)), Error::claims_not_json, "3000 deep");
    const TokenLimits narrow{.json = {.depth = 2, .members = 3}};
    expect_error(claims_error(base64url(R"({"a":[1,2]})"), narrow), Error::none, "3 members");
    expect_error(claims_error(base64url(R"({"a":[1,2,3]})"), narrow), Error::claims_not_json,
                 "4 members");
    expect_error(claims_error(base64url(R"({"a":[[]]})"), narrow), Error::claims_not_json,
                 "depth 3");
}

// Every header twice through one cache, with more headers than it can hold and some that are too
// long for it, gives the same as each alone.
void the_cache_changes_nothing(void**) {
    HeaderCache shared;
    std::vector<Row> rows(kHeaders.begin(), kHeaders.end());
    const std::string lengthy = R"({"alg":"HS384","x":")" + std::string(5000, 'x') + "\"}";
    rows.push_back({lengthy, Error::none});
    for (int round = 0; round < 3; ++round) {
        for (const Row& row : rows) {
            const std::string text = with_header(row.header);
            HeaderCache fresh;
            const auto alone = Token::parse(text, {}, fresh);
            const auto cached = Token::parse(text, {}, shared);
            expect_error(error_of(cached), row.expected, row.header);
            if (cached) {
                expect(cached->algorithm() == alone->algorithm(), row.header, "algorithm");
                expect(cached->kid() == alone->kid(), row.header, "kid");
                expect(equal(cached->header(), alone->header()), row.header, "header");
            }
        }
    }
}

void the_cache_knows_limits_apart(void**) {
    HeaderCache headers;
    const std::string text = with_header(R"({"alg":"HS256","x":[[]]})");
    const TokenLimits shallow{.json = {.depth = 2, .members = 100}};
    const TokenLimits narrow{.json = {.depth = 9, .members = 1}};
    assert_true(Token::parse(text, {}, headers).ok());
    expect_error(error_of(Token::parse(text, shallow, headers)), Error::header_not_json, "depth");
    expect_error(error_of(Token::parse(text, narrow, headers)), Error::header_not_json, "members");
    assert_true(Token::parse(text, {}, headers).ok());
}

void a_token_outlives_its_place_in_the_cache(void**) {
    auto headers = std::make_unique<HeaderCache>();
    const std::string text = with_header(R"({"alg":"PS256","kid":"first"})");
    const auto token = Token::parse(text, {}, *headers);
    for (int i = 0; i < 100; ++i) {
        const std::string other =
            with_header("{\"alg\":\"HS256\",\"kid\":\"" + std::to_string(i) + "\"}");
        assert_true(Token::parse(other, {}, *headers)->kid() == std::to_string(i));
    }
    headers.reset();
    assert_true(token->kid() == "first");
    assert_true(token->algorithm() == Algorithm::ps256);
}

void reports_that_memory_ran_out(void**) {
    const std::string text =
        with_header(R"({"alg":"HS256","kid":"a kid that is longer than a short string"})");
    bool wrong = false;
    for_each_failing_allocation([&] {
        HeaderCache headers;
        for (int i = 0; i < 2; ++i) {
            auto token = Token::parse(text, {}, headers);
            if (token) {
                wrong |= token->algorithm() != Algorithm::hs256 || token->signature().size() != 32;
                const bool loaded = token->load_claims() == Error::none;
                wrong |= loaded &&
                         (token->payload() != kClaims || member(token->claims(), "sub") == nullptr);
            }
        }
    });
    assert_false(wrong);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_of_a_token_are_its_parts),
        cmocka_unit_test(the_structure_is_checked),
        cmocka_unit_test(the_size_is_checked_first),
        cmocka_unit_test(padding_is_accepted_where_that_is_said),
        cmocka_unit_test(base64url_is_canonical),
        cmocka_unit_test(the_header_is_an_acceptable_object),
        cmocka_unit_test(header_members_are_checked),
        cmocka_unit_test(an_empty_kid_is_a_kid),
        cmocka_unit_test(the_claims_are_an_acceptable_object),
        cmocka_unit_test(the_cache_changes_nothing),
        cmocka_unit_test(the_cache_knows_limits_apart),
        cmocka_unit_test(a_token_outlives_its_place_in_the_cache),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
