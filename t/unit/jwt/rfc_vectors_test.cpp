// The standards' own examples through the whole core: key set, token, signature, claims.

#include "rfc_vectors.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "expect.hpp"
#include "jose.hpp"
#include "jwt/core/algorithm.hpp"
#include "jwt/core/json.hpp"
#include "jwt/core/key.hpp"
#include "jwt/core/key_set.hpp"
#include "jwt/core/policy.hpp"
#include "jwt/core/token.hpp"
#include "oom.hpp"
#include "signature_vectors.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;

// "exp" of the claims set that RFC 7515 and RFC 7519 share.
constexpr NumericDate kJoeExpires = 1300819380;

// What a location with an empty policy makes of a token, claims aside.
Error verdict(std::string_view text, std::string_view key_set) {
    std::vector<KeyNote> notes;
    const auto keys = KeySet::parse(key_set, KeyFormat::jwks, {}, notes);
    HeaderCache headers;
    const auto token = Token::parse(text, {}, headers);
    if (!keys || !token) {
        return keys ? token.error() : keys.error();
    }
    const Policy policy;
    const std::array sets{&*keys};
    const Error error = check_header(*token, policy);
    return error != Error::none ? error : check_signature(*token, policy, sets);
}

// Another character in the first place: still base64url in its canonical form, other octets.
std::string altered(std::string_view part) {
    std::string other(part);
    other.front() = other.front() == 'A' ? 'B' : 'A';
    return other;
}

// A signature of either table, decoded.
struct Case {
    std::string source;
    Json jwk;
    Algorithm algorithm;
    std::string message;
    std::string signature;
};

std::vector<Case> all_signatures() {
    std::vector<Case> cases;
    for (const rfc::Signature& example : rfc::kSignatures) {
        cases.push_back({example.source, *parse_json_object(example.jwk, {}),
                         *algorithm_named(example.algorithm), unhex(example.message),
                         unhex(example.signature)});
    }
    for (const rfc::Token& example : rfc::kTokens) {
        const auto set = parse_json_object(example.key_set, {});
        json_t* jwk = json_array_get(member(set->get(), "keys"), 0);
        const std::string text = example.text();
        HeaderCache headers;
        const auto token = Token::parse(text, {}, headers);
        cases.push_back({example.source, Json(json_incref(jwk)), token->algorithm(),
                         std::string(token->signing_input()), std::string(token->signature())});
    }
    return cases;
}

std::string_view name_of(KeyType type) {
    switch (type) {
    case KeyType::oct:
        return "oct";
    case KeyType::rsa:
        return "RSA";
    case KeyType::rsa_pss:
        return "RSA-PSS";
    case KeyType::p256:
        return "P-256";
    case KeyType::p384:
        return "P-384";
    case KeyType::p521:
        return "P-521";
    case KeyType::secp256k1:
        return "secp256k1";
    case KeyType::ed25519:
        return "Ed25519";
    case KeyType::ed448:
        return "Ed448";
    }
    return "";
}

void tokens_verify(void**) {
    for (const rfc::Token& example : rfc::kTokens) {
        const std::string text = example.text();
        expect_error(verdict(text, example.key_set), Error::none, example.source);
        HeaderCache headers;
        auto token = Token::parse(text, {}, headers);
        expect(traits(token->algorithm()).name == example.algorithm, example.source, "algorithm");
        expect_error(token->load_claims(),
                     example.is_claims_set ? Error::none : Error::claims_not_json, example.source);
    }
}

void altered_tokens_do_not(void**) {
    for (const rfc::Token& example : rfc::kTokens) {
        rfc::Token other = example;
        const std::string signature = altered(example.signature);
        other.signature = signature;
        expect_error(verdict(other.text(), example.key_set), Error::bad_signature, example.source);

        other = example;
        const std::string payload = altered(example.payload);
        other.payload = payload;
        expect_error(verdict(other.text(), example.key_set), Error::bad_signature, example.source);

        other = example;
        other.signature.remove_prefix(4);  // three octets less
        expect_error(verdict(other.text(), example.key_set), Error::bad_signature, example.source);
    }
}

void keys_of_other_examples_do_not_verify(void**) {
    for (const rfc::Token& example : rfc::kTokens) {
        for (const rfc::Token& other : rfc::kTokens) {
            if (other.key_set == example.key_set) {
                continue;
            }
            const Error error = verdict(example.text(), other.key_set);
            expect(error == Error::no_matching_key || error == Error::bad_signature, example.source,
                   describe(error));
        }
    }
}

void claims_of_the_jwt_are_checked(void**) {
    for (const rfc::Token& example : rfc::kTokens) {
        if (!example.is_claims_set) {
            continue;
        }
        const std::string text = example.text();
        HeaderCache headers;
        auto token = Token::parse(text, {}, headers);
        expect_error(token->load_claims(), Error::none, example.source);
        Policy policy;
        policy.issuers = {"joe"};
        policy.required_claims = {"http://example.com/is_root"};
        expect_error(check_claims(*token, policy, kJoeExpires - 1), Error::none, example.source);
        expect_error(check_claims(*token, policy, kJoeExpires), Error::expired, example.source);
        policy.issuers = {"jo"};
        expect_error(check_claims(*token, policy, kJoeExpires - 1), Error::issuer_mismatch,
                     example.source);
    }
}

void refused_tokens_are_refused(void**) {
    const auto error_of = [](rfc::Refusal refusal) {
        switch (refusal) {
        case rfc::Refusal::kForm:
            return Error::not_compact_jws;
        case rfc::Refusal::kEncrypted:
            return Error::encrypted_token;
        case rfc::Refusal::kAlgorithm:
            return Error::algorithm_unsupported;
        case rfc::Refusal::kCritical:
            return Error::header_not_allowed;
        }
        return Error::none;
    };
    for (const rfc::RefusedToken& example : rfc::kRefusedTokens) {
        expect_error(verdict(example.token, example.key_set), error_of(example.refusal),
                     example.source);
    }
}

void key_sets_give_their_usable_keys(void**) {
    for (const rfc::KeySetExample& example : rfc::kKeySets) {
        std::vector<KeyNote> notes;
        const auto set = KeySet::parse(example.key_set, KeyFormat::jwks, {}, notes);
        expect(set.ok(), example.source, "key set");
        const auto is_expected = [](const Key& key, const rfc::UsableKey& usable) {
            return name_of(key.type()) == usable.type && key.kid().value_or("") == usable.kid;
        };
        expect(std::equal(set->keys().begin(), set->keys().end(), example.usable.begin(),
                          example.usable.end(), is_expected),
               example.source, "usable keys");
    }
}

void every_octet_of_a_signature_counts(void**) {
    for (const Case& example : all_signatures()) {
        auto key = Key::from_jwk(example.jwk.get());
        expect(key.ok() && key->admits(example.algorithm), example.source, "key");
        const auto verify = [&](std::string_view message, std::string_view signature) {
            return key->verify(example.algorithm, message, signature);
        };
        const std::string& message = example.message;
        const std::string& signature = example.signature;
        expect_error(verify(message, signature), Error::none, example.source);
        expect_error(verify(message + '\0', signature), Error::bad_signature, example.source);
        expect_error(verify(message, signature + '\0'), Error::bad_signature, example.source);
        expect_error(verify(message, ""), Error::bad_signature, example.source);
        for (std::size_t i = 0; i < signature.size(); ++i) {
            std::string flipped = signature;
            flipped[i] = static_cast<char>(flipped[i] ^ 1);
            expect_error(verify(message, flipped), Error::bad_signature, example.source);
        }
    }
}

// The generic name of RFC 8037 and the fully specified ones of RFC 9864 mean the same signature.
void edwards_signatures_verify_under_both_names(void**) {
    for (const rfc::Signature& example : rfc::kSignatures) {
        if (!example.algorithm.starts_with("Ed")) {
            continue;
        }
        const auto jwk = parse_json_object(example.jwk, {});
        const auto key = Key::from_jwk(jwk->get());
        expect(key->admits(Algorithm::eddsa), example.source, "EdDSA");
        expect_error(
            key->verify(Algorithm::eddsa, unhex(example.message), unhex(example.signature)),
            Error::none, example.source);
        const Algorithm other =
            example.algorithm == "Ed448" ? Algorithm::ed25519 : Algorithm::ed448;
        expect(!key->admits(other), example.source, "the other curve");
    }
}

// Whatever OpenSSL's failed allocations look like to the core, they are never a valid signature.
void no_forgery_passes_when_memory_runs_out(void**) {
    for (const Case& example : all_signatures()) {
        const std::string forgery = altered(example.signature);
        bool passed = false;
        bool verified = false;
        for_each_failing_allocation([&] {
            const auto key = Key::from_jwk(example.jwk.get());
            if (key) {
                verified = key->verify(example.algorithm, example.message, example.signature) ==
                           Error::none;
                passed |= key->verify(example.algorithm, example.message, forgery) == Error::none;
            }
        });
        expect(!passed, example.source, "a forgery passed");
        expect(verified, example.source, "the last run, which had memory, did not verify");
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(tokens_verify),
        cmocka_unit_test(altered_tokens_do_not),
        cmocka_unit_test(keys_of_other_examples_do_not_verify),
        cmocka_unit_test(claims_of_the_jwt_are_checked),
        cmocka_unit_test(refused_tokens_are_refused),
        cmocka_unit_test(key_sets_give_their_usable_keys),
        cmocka_unit_test(every_octet_of_a_signature_counts),
        cmocka_unit_test(edwards_signatures_verify_under_both_names),
        cmocka_unit_test(no_forgery_passes_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
