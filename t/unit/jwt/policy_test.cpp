// check_header(), check_claims() and RevocationList; the time claims and check_signature() are next
// door.

#include "jwt/core/policy.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "judge.hpp"
#include "oom.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;
using namespace std::literals;

constexpr NumericDate kNow = 0;  // no row has a time claim

std::shared_ptr<const RevocationList> list(std::string_view text) {
    return std::make_shared<RevocationList>(std::move(*RevocationList::parse(text)));
}

void an_empty_policy_demands_nothing(void**) {
    expect_error(claims_error("{}", {}, kNow), Error::none, "claims");
    expect_error(claims_error(R"({"iss":1,"aud":2,"sub":3,"scope":4,"jti":5})", {}, kNow),
                 Error::none, "odd claims");
    expect_error(header_error(R"({"alg":"ES512","typ":7})", {}), Error::none, "header");
}

struct Row {
    std::string_view text;
    Error expected;
};

template <std::size_t N>
void check_rows(const std::array<Row, N>& rows, const Policy& policy) {
    for (const Row& row : rows) {
        expect_error(claims_error(row.text, policy, kNow), row.expected, row.text);
    }
}

void issuers_are_compared_as_strings(void**) {
    Policy policy;
    policy.issuers = {"https://issuer.test", "joe"};
    constexpr Error kNo = Error::issuer_mismatch;
    check_rows(std::array<Row, 13>{{{R"({"iss":"joe"})", Error::none},
                                    {R"({"iss":"https://issuer.test"})", Error::none},
                                    {R"({"iss":"https:\/\/issuer.t\u0065st"})", Error::none},
                                    {R"({"iss":"https://issuer.test/"})", kNo},
                                    {R"({"iss":"HTTPS://issuer.test"})", kNo},
                                    {R"({"iss":"jo"})", kNo},
                                    {R"({"iss":"joe "})", kNo},
                                    {R"({"iss":""})", kNo},
                                    {"{}", kNo},
                                    {R"({"iss":null})", kNo},
                                    {R"({"iss":1})", kNo},
                                    {R"({"iss":["joe"]})", kNo},
                                    {R"({"iss":{"joe":1}})", kNo}}},
               policy);
}

void one_audience_is_enough(void**) {
    Policy policy;
    policy.audiences = {"api", "https://api.test/"};
    constexpr Error kNo = Error::audience_mismatch;
    check_rows(std::array<Row, 18>{{{R"({"aud":"api"})", Error::none},
                                    {R"({"aud":["api"]})", Error::none},
                                    {R"({"aud":["other","https://api.test/"]})", Error::none},
                                    {R"({"aud":[1,null,["x"],"api"]})", Error::none},
                                    {R"({"aud":"other"})", kNo},
                                    {R"({"aud":"apis"})", kNo},
                                    {R"({"aud":"ap"})", kNo},
                                    {R"({"aud":"API"})", kNo},
                                    {R"({"aud":"api other"})", kNo},
                                    {R"({"aud":""})", kNo},
                                    {R"({"aud":[]})", kNo},
                                    {R"({"aud":["other"]})", kNo},
                                    {R"({"aud":[["api"]]})", kNo},
                                    {R"({"aud":[{"api":"api"}]})", kNo},
                                    {R"({"aud":{"0":"api","api":"api"}})", kNo},
                                    {R"({"aud":1})", kNo},
                                    {R"({"aud":null})", kNo},
                                    {"{}", kNo}}},
               policy);
}

void all_scopes_are_needed(void**) {
    Policy policy;
    policy.scopes = {"read", "write"};
    constexpr Error kNo = Error::insufficient_scope;
    check_rows(std::array<Row, 28>{{{R"({"scope":"read write"})", Error::none},
                                    {R"({"scope":"write read"})", Error::none},
                                    {R"({"scope":"a read b write c"})", Error::none},
                                    {R"({"scope":"read  write"})", Error::none},
                                    {R"({"scope":"read write "})", Error::none},
                                    {R"({"scope":" read   write  "})", Error::none},
                                    {R"({"scope":["write","read"]})", Error::none},
                                    {R"({"scope":[1,"write",null,"x","read"]})", Error::none},
                                    {R"({"scope":"read"})", kNo},
                                    {R"({"scope":"write"})", kNo},
                                    {R"({"scope":"reads write"})", kNo},
                                    {R"({"scope":"read rewrite"})", kNo},
                                    {R"({"scope":"read write2"})", kNo},
                                    {R"({"scope":"read:write"})", kNo},
                                    {R"({"scope":"readwrite"})", kNo},
                                    {R"({"scope":"read,write"})", kNo},
                                    {R"({"scope":"read\twrite"})", kNo},
                                    {R"({"scope":"READ WRITE"})", kNo},
                                    {R"({"scope":""})", kNo},
                                    {R"({"scope":"   "})", kNo},
                                    {R"({"scope":[]})", kNo},
                                    {R"({"scope":["read write"]})", kNo},
                                    {R"({"scope":["read",["write"]]})", kNo},
                                    {R"({"scope":{"read":1,"write":1}})", kNo},
                                    {R"({"scope":true})", kNo},
                                    {R"({"scope":null})", kNo},
                                    {R"({"scopes":"read write","scp":"read write"})", kNo},
                                    {"{}", kNo}}},
               policy);
}

void required_claims_are_present_and_not_null(void**) {
    Policy policy;
    policy.required_claims = {"sub", "https://claims.test/a.b"};
    constexpr Error kNo = Error::claim_missing;
    check_rows(std::array<Row, 9>{{{R"({"sub":"a","https://claims.test/a.b":1})", Error::none},
                                   {R"({"sub":"","https://claims.test/a.b":false})", Error::none},
                                   {R"({"sub":0,"https://claims.test/a.b":[]})", Error::none},
                                   {R"({"sub":null,"https://claims.test/a.b":1})", kNo},
                                   {R"({"sub":"a","https://claims.test/a.b":null})", kNo},
                                   {R"({"sub":"a"})", kNo},
                                   {R"({"Sub":"a","https://claims.test/a.b":1})", kNo},
                                   {R"({"sub":"a","https://claims.test/a":{"b":1}})", kNo},
                                   {"{}", kNo}}},
               policy);
}

void revoked_subjects_are_refused_and_so_are_missing_ones(void**) {
    Policy policy;
    policy.revoked_subjects = list(R"({"mallory":null,"":0})");
    constexpr Error kNo = Error::subject_revoked;
    check_rows(std::array<Row, 9>{{{R"({"sub":"alice"})", Error::none},
                                   {R"({"sub":"Mallory"})", Error::none},
                                   {R"({"sub":"mallory2"})", Error::none},
                                   {R"({"sub":"mallory"})", kNo},
                                   {R"({"sub":""})", kNo},
                                   {R"({"sub":null})", kNo},
                                   {R"({"sub":1})", kNo},
                                   {R"({"sub":["alice"]})", kNo},
                                   {"{}", kNo}}},
               policy);
    policy.revoked_subjects = list("{}");
    expect_error(claims_error(R"({"sub":"alice"})", policy, kNow), Error::none, "an empty list");
    expect_error(claims_error("{}", policy, kNow), kNo, "an empty list demands a subject, too");
}

void revoked_kids_are_refused_and_so_are_missing_ones(void**) {
    Policy policy;
    policy.revoked_kids = list(R"({"old":{"since":1}})");
    expect_error(header_error(R"({"alg":"HS256","kid":"new"})", policy), Error::none, "new");
    expect_error(header_error(R"({"alg":"HS256","kid":""})", policy), Error::none, "empty");
    expect_error(header_error(R"({"alg":"HS256","kid":"old"})", policy), Error::kid_revoked, "old");
    expect_error(header_error(R"({"alg":"HS256"})", policy), Error::kid_revoked, "no kid");
}

void revocation_lists_are_objects(void**) {
    for (const std::string_view text :
         {"", "[]", "\"a\"", "null", "{\"a\":1", "{\"a\":1,\"a\":2}", "{} x"}) {
        expect_error(error_of(RevocationList::parse(text)), Error::list_not_object, text);
    }
    const auto parsed = RevocationList::parse(R"({"a":1,"\u00e9":null,"b":{"c":[]}})");
    assert_true(parsed->contains("a") && parsed->contains("b") && parsed->contains("\xc3\xa9"));
    assert_false(parsed->contains("c") || parsed->contains("") || parsed->contains("a\0"sv));
    std::string many = "{\"0\":0";
    for (int i = 1; i < 10'000; ++i) {
        many += ",\"" + std::to_string(i) + "\":0";
    }
    assert_true(RevocationList::parse(many + '}')->contains("9999"));
}

void algorithms_are_an_allow_list(void**) {
    Policy policy;
    policy.algorithms = {};
    policy.algorithms.insert(Algorithm::es256);
    policy.algorithms.insert(Algorithm::eddsa);
    expect_error(header_error(R"({"alg":"ES256"})", policy), Error::none, "ES256");
    expect_error(header_error(R"({"alg":"EdDSA"})", policy), Error::none, "EdDSA");
    for (const std::string_view header :
         {R"({"alg":"ES384"})", R"({"alg":"HS256"})", R"({"alg":"ES256K"})"}) {
        expect_error(header_error(header, policy), Error::algorithm_not_allowed, header);
    }
}

// RFC 7515 section 4.1.9: media types, of which "application/" may be left out; RFC 2045: in any
// case.
void types_are_compared_as_media_types(void**) {
    Policy policy;
    policy.types = {"at+jwt", "application/logout+jwt"};
    constexpr Error kNo = Error::type_not_allowed;
    for (const Row& row : std::array<Row, 19>{{{"\"at+jwt\"", Error::none},
                                               {"\"AT+JWT\"", Error::none},
                                               {"\"application/at+jwt\"", Error::none},
                                               {"\"Application/At+Jwt\"", Error::none},
                                               {"\"logout+jwt\"", Error::none},
                                               {"\"APPLICATION/logout+jwt\"", Error::none},
                                               {"\"JWT\"", kNo},
                                               {"\"at+jwt \"", kNo},
                                               {"\"at\"", kNo},
                                               {"\"at+jwts\"", kNo},
                                               {"\"text/at+jwt\"", kNo},
                                               {"\"application/application/at+jwt\"", kNo},
                                               {"\"application/\"", kNo},
                                               {"\"application/at+jwt;v=1\"", kNo},
                                               {"\"\"", kNo},
                                               {"null", kNo},
                                               {"1", kNo},
                                               {"[\"at+jwt\"]", kNo},
                                               {"{}", kNo}}}) {
        const std::string header = R"({"alg":"HS256","typ":)" + std::string(row.text) + '}';
        expect_error(header_error(header, policy), row.expected, row.text);
    }
    expect_error(header_error(R"({"alg":"HS256"})", policy), kNo, "no typ");
}

void reports_that_memory_ran_out(void**) {
    bool wrong = false;
    for_each_failing_allocation([&] {
        const auto revoked =
            RevocationList::parse(R"({"a name that is longer than a short string":1,"b":2})");
        wrong |= revoked && !(revoked->contains("b") &&
                              revoked->contains("a name that is longer than a short string"));
    });
    assert_false(wrong);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_policy_demands_nothing),
        cmocka_unit_test(issuers_are_compared_as_strings),
        cmocka_unit_test(one_audience_is_enough),
        cmocka_unit_test(all_scopes_are_needed),
        cmocka_unit_test(required_claims_are_present_and_not_null),
        cmocka_unit_test(revoked_subjects_are_refused_and_so_are_missing_ones),
        cmocka_unit_test(revoked_kids_are_refused_and_so_are_missing_ones),
        cmocka_unit_test(revocation_lists_are_objects),
        cmocka_unit_test(algorithms_are_an_allow_list),
        cmocka_unit_test(types_are_compared_as_media_types),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
