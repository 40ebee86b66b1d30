// check_signature() of jwt/core/policy.hpp: which keys a token is tried with.

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expect.hpp"
#include "jose.hpp"
#include "jwt/core/policy.hpp"
#include "oom.hpp"
#include "pem_vectors.hpp"
#include "rfc_vectors.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;
using namespace std::literals;

std::string secret(char octet) { return std::string(64, octet); }

std::string secret_jwk(char octet, std::string_view more = "") {
    return R"({"kty":"oct","k":")" + base64url(secret(octet)) + '"' + std::string(more) + '}';
}

// Public keys of other types, for kids that are known but of no use.
constexpr std::string_view kEd25519 =
    R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"})";

KeySet set(const std::vector<std::string>& keys) {
    std::string text = "{\"keys\":[";
    for (const std::string& key : keys) {
        text += (text.back() == '[' ? "" : ",") + key;
    }
    std::vector<KeyNote> notes;
    auto parsed = KeySet::parse(text + "]}", KeyFormat::jwks, {}, notes);
    expect(parsed.ok() && parsed->keys().size() == keys.size(), text, "every key is usable");
    return std::move(*parsed);
}

Error verdict(std::string_view text, const std::vector<KeySet>& sets, const Policy& policy = {}) {
    HeaderCache headers;
    const auto token = Token::parse(text, {}, headers);
    expect_error(error_of(token), Error::none, text);
    std::vector<const KeySet*> pointers;
    for (const KeySet& each : sets) {
        pointers.push_back(&each);
    }
    return check_signature(*token, policy, pointers);
}

// A token signed with secret('a').
std::string signed_by_a(std::string_view more = "") {
    return hs256_jws(R"({"alg":"HS256")" + std::string(more) + '}', "{}", secret('a'));
}

std::vector<KeySet> one(const std::vector<std::string>& keys) {
    std::vector<KeySet> sets;
    sets.push_back(set(keys));
    return sets;
}

void without_kid_every_compatible_key_is_tried(void**) {
    const std::string token = signed_by_a();
    expect_error(verdict(token, one({secret_jwk('a')})), Error::none, "no kid");
    expect_error(verdict(token, one({secret_jwk('a', R"(,"kid":"x")")})), Error::none, "a kid");
    expect_error(verdict(token, one({secret_jwk('b'), secret_jwk('c', R"(,"kid":"x")"),
                                     std::string(kEd25519), secret_jwk('a', R"(,"kid":"y")")})),
                 Error::none, "the last one");
    expect_error(verdict(token, one({secret_jwk('b'), secret_jwk('c')})), Error::bad_signature,
                 "others");
    expect_error(verdict(token, one({std::string(kEd25519)})), Error::no_matching_key,
                 "another type");
    expect_error(verdict(token, one({secret_jwk('a', R"(,"alg":"HS384")")})),
                 Error::no_matching_key, "another alg");
    expect_error(verdict(token, one({})), Error::no_matching_key, "an empty set");
    expect_error(verdict(token, {}), Error::no_matching_key, "no set");
}

void a_known_kid_is_the_only_one_tried(void**) {
    const std::string token = signed_by_a(R"(,"kid":"k")");
    const std::string a = secret_jwk('a'), b = secret_jwk('b');
    const std::string ka = secret_jwk('a', R"(,"kid":"k")"), kb = secret_jwk('b', R"(,"kid":"k")");
    expect_error(verdict(token, one({ka})), Error::none, "of that kid");
    expect_error(verdict(token, one({kb, ka})), Error::none, "the second of that kid");
    expect_error(verdict(token, one({b, ka, secret_jwk('c', R"(,"kid":"l")")})), Error::none,
                 "among others");
    // Never the keys without a kid then, although one of them would do.
    expect_error(verdict(token, one({kb, a})), Error::bad_signature, "wrong key");
    expect_error(verdict(token, one({std::string(kEd25519), a})), Error::no_matching_key,
                 "wrong type");
    expect_error(verdict(token, one({secret_jwk('a', R"(,"kid":"k","alg":"HS512")"), a})),
                 Error::no_matching_key, "wrong alg");
    expect_error(verdict(token, one({secret_jwk('a', R"(,"kid":"l")")})), Error::no_matching_key,
                 "another kid");
    expect_error(verdict(token, one({secret_jwk('a', R"(,"kid":"K")")})), Error::no_matching_key,
                 "the kid in upper case");
    expect_error(verdict(token, one({secret_jwk('a', R"(,"kid":"kk")")})), Error::no_matching_key,
                 "a longer kid");
}

void an_unknown_kid_falls_back_to_keys_without_one(void**) {
    const std::string token = signed_by_a(R"(,"kid":"k")");
    const std::string a = secret_jwk('a'), b = secret_jwk('b');
    expect_error(verdict(token, one({a})), Error::none, "without a kid");
    expect_error(verdict(token, one({b, secret_jwk('b', R"(,"kid":"l")"), a})), Error::none,
                 "the second");
    expect_error(verdict(token, one({b})), Error::bad_signature, "wrong key");
    // "" is a kid like any other.
    expect_error(verdict(token, one({secret_jwk('a', R"(,"kid":"")")})), Error::no_matching_key,
                 "empty kid");
    const std::string empty = signed_by_a(R"(,"kid":"")");
    expect_error(verdict(empty, one({secret_jwk('a', R"(,"kid":"")"), b})), Error::none, "found");
    expect_error(verdict(empty, one({secret_jwk('b', R"(,"kid":"")"), a})), Error::bad_signature,
                 "known");
    expect_error(verdict(empty, one({a})), Error::none, "unknown");
}

void several_sets_are_as_one(void**) {
    const std::string token = signed_by_a(R"(,"kid":"k")");
    const auto two = [](const std::string& x, const std::string& y) {
        std::vector<KeySet> sets;
        sets.push_back(set({x}));
        sets.push_back(set({y}));
        return sets;
    };
    const std::string a = secret_jwk('a'), b = secret_jwk('b');
    const std::string ka = secret_jwk('a', R"(,"kid":"k")"), kb = secret_jwk('b', R"(,"kid":"k")");
    expect_error(verdict(token, two(kb, ka)), Error::none, "in the second");
    expect_error(verdict(token, two(b, ka)), Error::none, "known in the second");
    expect_error(verdict(token, two(b, a)), Error::none, "unknown in both");
    expect_error(verdict(token, two(a, kb)), Error::bad_signature, "known in the second, wrong");
    expect_error(verdict(token, two(a, std::string(kEd25519))), Error::no_matching_key,
                 "known in the second, of another type");
    expect_error(verdict(token, two(std::string(kEd25519), a)), Error::no_matching_key,
                 "known in the first, of another type");
    expect_error(verdict(signed_by_a(), two(b, ka)), Error::none, "no kid");
}

void short_secrets_can_be_refused(void**) {
    Policy policy;
    policy.min_secret_bytes = 64;
    expect_error(verdict(signed_by_a(), one({secret_jwk('a')}), policy), Error::none, "64 octets");
    policy.min_secret_bytes = 65;
    expect_error(verdict(signed_by_a(), one({secret_jwk('a')}), policy), Error::no_matching_key,
                 "65 octets");
    // It is about secrets only.
    const std::string text = rfc::kTokens[1].text();
    std::vector<KeyNote> notes;
    std::vector<KeySet> sets;
    sets.push_back(std::move(*KeySet::parse(rfc::kTokens[1].key_set, KeyFormat::jwks, {}, notes)));
    expect_error(verdict(text, sets, policy), Error::none, rfc::kTokens[1].source);
}

// A set of many keys must not let one token cost as many verifications.
void tries_are_bounded(void**) {
    std::vector<std::string> keys;
    for (const char octet : {'b', 'c', 'd'}) {
        keys.push_back(secret_jwk(octet));
        keys.push_back(
            R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})");
    }
    keys.push_back(secret_jwk('a'));
    Policy policy;
    policy.max_tries = 4;  // keys that do not fit cost nothing
    expect_error(verdict(signed_by_a(), one(keys), policy), Error::none, "the fourth");
    policy.max_tries = 3;
    expect_error(verdict(signed_by_a(), one(keys), policy), Error::too_many_matching_keys,
                 "of three");
    keys.pop_back();
    expect_error(verdict(signed_by_a(), one(keys), policy), Error::bad_signature,
                 "three, all wrong");
}

// The classic: sign with what everybody may know, and hope that it is taken for a secret.
void a_public_key_is_never_a_secret(void**) {
    std::vector<KeyNote> notes;
    for (const std::string_view pem : {pem::kRsa, pem::kRsaPkcs1, pem::kP256, pem::kCertificate}) {
        std::string escaped;
        for (const char c : pem) {
            escaped += c == '\n' ? "\\n" : std::string(1, c);
        }
        std::vector<KeySet> sets;
        sets.push_back(
            std::move(*KeySet::parse("{\"k\":\"" + escaped + "\"}", KeyFormat::keyval, {}, notes)));
        for (const std::string_view guess : {pem, pem.substr(0, pem.size() - 1)}) {
            const std::string token = hs256_jws(R"({"alg":"HS256","kid":"k"})", "{}", guess);
            expect_error(verdict(token, sets), Error::no_matching_key, "PEM as a secret");
        }
    }
}

void keys_inside_the_token_are_no_keys(void**) {
    for (const std::string& more :
         {",\"jwk\":" + secret_jwk('a'),
          ",\"jwk\":" + secret_jwk('a', R"(,"kid":"k")") + ",\"kid\":\"k\"",
          R"(,"jku":"https://attacker.test/jwks.json")"s,
          R"(,"x5u":"https://attacker.test/cert.pem")"s, R"(,"x5c":["AAAA"])"s}) {
        const std::string token = signed_by_a(more);
        expect_error(verdict(token, one({std::string(kEd25519)})), Error::no_matching_key, more);
        expect_error(verdict(token, one({secret_jwk('b')})), Error::bad_signature, more);
    }
}

void the_signature_covers_every_character(void**) {
    const std::vector<KeySet> sets = one({secret_jwk('a')});
    const std::string token =
        hs256_jws(R"({"alg":"HS256","typ":"JWT"})", R"({"sub":"joe","exp":1})", secret('a'));
    expect_error(verdict(token, sets), Error::none, token);
    unsigned refused = 0;
    for (std::size_t i = 0; i < token.size(); ++i) {
        for (const char other : {'A', 'Q', 'g', 'w', '_'}) {
            std::string changed = token;
            if (changed[i] == '.' || std::exchange(changed[i], other) == other) {
                continue;
            }
            HeaderCache headers;
            if (Token::parse(changed, {}, headers)) {  // most headers are none any more
                expect(verdict(changed, sets) != Error::none, changed, "passed");
                ++refused;
            }
        }
    }
    assert_true(refused > 200);
}

void reports_that_memory_ran_out(void**) {
    const std::string good = signed_by_a(R"(,"kid":"k")"),
                      bad = hs256_jws(R"({"alg":"HS256"})", "{}", "x");
    const std::string text = "{\"keys\":[" + secret_jwk('a', R"(,"kid":"k")") + "]}";
    bool forged = false, refused = false;
    for_each_failing_allocation([&] {
        std::vector<KeyNote> notes;
        HeaderCache headers;
        const auto keys = KeySet::parse(text, KeyFormat::jwks, {}, notes);
        const auto token = Token::parse(good, {}, headers),
                   forgery = Token::parse(bad, {}, headers);
        if (keys && !keys->keys().empty() && token && forgery) {
            const std::array sets{&*keys};
            refused |= check_signature(*token, {}, sets) == Error::bad_signature;
            forged |= check_signature(*forgery, {}, sets) == Error::none;
        }
    });
    assert_false(forged || refused);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(without_kid_every_compatible_key_is_tried),
        cmocka_unit_test(a_known_kid_is_the_only_one_tried),
        cmocka_unit_test(an_unknown_kid_falls_back_to_keys_without_one),
        cmocka_unit_test(several_sets_are_as_one),
        cmocka_unit_test(short_secrets_can_be_refused),
        cmocka_unit_test(tries_are_bounded),
        cmocka_unit_test(a_public_key_is_never_a_secret),
        cmocka_unit_test(keys_inside_the_token_are_no_keys),
        cmocka_unit_test(the_signature_covers_every_character),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
