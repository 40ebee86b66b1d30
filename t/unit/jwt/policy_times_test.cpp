// The time claims in check_claims() of jwt/core/policy.hpp. What time it is comes from the test.

#include <array>
#include <string>
#include <string_view>

#include "judge.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;

struct Time {
    std::string_view claims;
    NumericDate now;
    double leeway;
    Error expected;
};

constexpr std::array<Time, 62> kTimes{{
    // RFC 7519 section 4.1.4: on or after exp
    {R"({"exp":1000})", 999, 0, Error::none},
    {R"({"exp":1000})", 1000, 0, Error::expired},
    {R"({"exp":1000})", 1001, 0, Error::expired},
    {R"({"exp":1000})", 999.999, 0, Error::none},
    {R"({"exp":1000})", 1000, 1, Error::none},
    {R"({"exp":1000})", 1059, 60, Error::none},
    {R"({"exp":1000})", 1060, 60, Error::expired},
    {R"({"exp":1000})", 1059.5, 60, Error::none},
    {R"({"exp":1000.5})", 1000, 0, Error::none},
    {R"({"exp":1000.5})", 1000.5, 0, Error::expired},
    {R"({"exp":1000.5})", 1001, 0.5, Error::expired},
    {R"({"exp":1e3})", 999, 0, Error::none},
    {R"({"exp":1e3})", 1000, 0, Error::expired},
    {R"({"exp":0})", 1000, 0, Error::expired},
    {R"({"exp":-1})", 1000, 0, Error::expired},
    {R"({"exp":-1})", 0, 0, Error::expired},
    {R"({"exp":-9223372036854775808})", 1000, 60, Error::expired},
    {R"({"exp":-1.7976931348623157e308})", 1000, 60, Error::expired},
    {R"({"exp":2147483648})", 2147483647, 0, Error::none},
    {R"({"exp":4294967296})", 4294967295, 0, Error::none},
    {R"({"exp":9223372036854775807})", 4294967296, 60, Error::none},
    {R"({"exp":1.7976931348623157e308})", 4294967296, 60, Error::none},
    // section 4.1.5: not before nbf
    {R"({"nbf":1000})", 1000, 0, Error::none},
    {R"({"nbf":1000})", 1001, 0, Error::none},
    {R"({"nbf":1000})", 999, 0, Error::not_yet_valid},
    {R"({"nbf":1000})", 999.999, 0, Error::not_yet_valid},
    {R"({"nbf":1000})", 940, 60, Error::none},
    {R"({"nbf":1000})", 939, 60, Error::not_yet_valid},
    {R"({"nbf":1000.5})", 1000, 0, Error::not_yet_valid},
    {R"({"nbf":1000.5})", 1000, 0.5, Error::none},
    {R"({"nbf":0})", 1000, 0, Error::none},
    {R"({"nbf":-5})", 1000, 0, Error::none},
    {R"({"nbf":9223372036854775807})", 1000, 60, Error::not_yet_valid},
    {R"({"nbf":1.7976931348623157e308})", 1000, 60, Error::not_yet_valid},
    {R"({"nbf":-1.7976931348623157e308})", 1000, 60, Error::none},
    // section 4.1.6: issued at some time that has been
    {R"({"iat":1000})", 1000, 0, Error::none},
    {R"({"iat":1001})", 1000, 0, Error::issued_in_future},
    {R"({"iat":1000.001})", 1000, 0, Error::issued_in_future},
    {R"({"iat":1060})", 1000, 60, Error::none},
    {R"({"iat":1061})", 1000, 60, Error::issued_in_future},
    {R"({"iat":-1})", 1000, 0, Error::none},
    {R"({"iat":1.7976931348623157e308})", 1000, 60, Error::issued_in_future},
    // together
    {R"({"iat":900,"nbf":950,"exp":1001})", 1000, 0, Error::none},
    {R"({"iat":900,"nbf":1001,"exp":1000})", 1000, 0, Error::expired},
    {R"({"iat":900,"nbf":1000,"exp":1000})", 1000, 1, Error::none},
    {R"({"EXP":1,"Exp":1,"expires":1})", 1000, 0, Error::none},
    {R"({"x":{"exp":1}})", 1000, 0, Error::none},
    // numbers and nothing else
    {R"({"exp":"2000"})", 1000, 0, Error::time_claim_not_number},
    {R"({"exp":""})", 1000, 0, Error::time_claim_not_number},
    {R"({"exp":null})", 1000, 0, Error::time_claim_not_number},
    {R"({"exp":true})", 1000, 0, Error::time_claim_not_number},
    {R"({"exp":[2000]})", 1000, 0, Error::time_claim_not_number},
    {R"({"exp":{"exp":2000}})", 1000, 0, Error::time_claim_not_number},
    {R"({"nbf":"0"})", 1000, 0, Error::time_claim_not_number},
    {R"({"nbf":null})", 1000, 0, Error::time_claim_not_number},
    {R"({"nbf":false})", 1000, 0, Error::time_claim_not_number},
    {R"({"iat":"0"})", 1000, 0, Error::time_claim_not_number},
    {R"({"iat":null})", 1000, 0, Error::time_claim_not_number},
    {R"({"iat":[]})", 1000, 0, Error::time_claim_not_number},
    {R"({"exp":1,"iat":"0"})", 1000, 0, Error::time_claim_not_number},
    {R"({"exp":2000,"nbf":0,"iat":{}})", 1000, 0, Error::time_claim_not_number},
    {R"({"exp":"1970-01-01T00:00:00Z"})", 1000, 0, Error::time_claim_not_number},
}};

void time_claims_are_checked(void**) {
    for (const Time& row : kTimes) {
        Policy policy;
        policy.leeway = row.leeway;
        const std::string name = std::string(row.claims) + " at " + std::to_string(row.now) +
                                 ", leeway " + std::to_string(row.leeway);
        expect_error(claims_error(row.claims, policy, row.now), row.expected, name);
    }
}

void exp_alone_can_be_let_go(void**) {
    Policy policy;
    policy.validate_exp = false;
    expect_error(claims_error(R"({"exp":1})", policy, 1000), Error::none, "expired");
    expect_error(claims_error(R"({"exp":"1"})", policy, 1000), Error::time_claim_not_number,
                 "no number");
    expect_error(claims_error(R"({"exp":1,"nbf":1001})", policy, 1000), Error::not_yet_valid,
                 "nbf");
    expect_error(claims_error(R"({"exp":1,"iat":1001})", policy, 1000), Error::issued_in_future,
                 "iat");
}

constexpr std::array<Time, 15> kLifetimes{{
    {R"({"iat":900,"exp":1500})", 1000, 0, Error::none},
    {R"({"iat":900,"exp":1501})", 1000, 0, Error::lifetime_too_long},
    {R"({"iat":900,"exp":1500.5})", 1000, 0, Error::lifetime_too_long},
    {R"({"iat":899.5,"exp":1500})", 1000, 0, Error::lifetime_too_long},
    // without iat as if issued now
    {R"({"exp":1600})", 1000, 0, Error::none},
    {R"({"exp":1601})", 1000, 0, Error::lifetime_too_long},
    // without exp it lives for ever
    {"{}", 1000, 0, Error::lifetime_too_long},
    {R"({"iat":900})", 1000, 0, Error::lifetime_too_long},
    // never the reason why a shorter one is refused
    {R"({"iat":900,"exp":1000})", 1000, 0, Error::expired},
    {R"({"iat":1001,"exp":1100})", 1000, 0, Error::issued_in_future},
    {R"({"exp":9223372036854775807})", 1000, 0, Error::lifetime_too_long},
    {R"({"iat":-9223372036854775808,"exp":1001})", 1000, 0, Error::lifetime_too_long},
    {R"({"iat":-1.7976931348623157e308,"exp":1.7976931348623157e308})", 1000, 0,
     Error::lifetime_too_long},
    {R"({"iat":1060,"exp":1660})", 1000, 60, Error::none},
    {R"({"iat":1060,"exp":1661})", 1000, 60, Error::lifetime_too_long},
}};

void lifetime_is_bounded(void**) {
    for (const Time& row : kLifetimes) {
        Policy policy;
        policy.max_lifetime = 600;
        policy.leeway = row.leeway;
        expect_error(claims_error(row.claims, policy, row.now), row.expected, row.claims);
    }
    Policy none;
    none.max_lifetime = 0;
    expect_error(claims_error(R"({"iat":1000,"exp":1001})", none, 1000), Error::lifetime_too_long,
                 "zero");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(time_claims_are_checked),
        cmocka_unit_test(exp_alone_can_be_let_go),
        cmocka_unit_test(lifetime_is_bounded),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
