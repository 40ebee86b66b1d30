#include "jwt/core/algorithm.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "expect.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;
using namespace std::string_view_literals;

struct Row {
    std::string_view name;
    Algorithm algorithm;
    Family family;
    std::size_t digest_bytes;
    std::vector<KeyType> types;  // all that it can be verified with
};

// RFC 7518 sections 3.1 to 3.5, RFC 8812 section 3.2, RFC 8037 section 3.1, RFC 9864 section 2.2.
const std::array<Row, kAlgorithms> kRows{{
    {"HS256", Algorithm::hs256, Family::hmac, 32, {KeyType::oct}},
    {"HS384", Algorithm::hs384, Family::hmac, 48, {KeyType::oct}},
    {"HS512", Algorithm::hs512, Family::hmac, 64, {KeyType::oct}},
    {"RS256", Algorithm::rs256, Family::rsa_pkcs1, 32, {KeyType::rsa}},
    {"RS384", Algorithm::rs384, Family::rsa_pkcs1, 48, {KeyType::rsa}},
    {"RS512", Algorithm::rs512, Family::rsa_pkcs1, 64, {KeyType::rsa}},
    {"PS256", Algorithm::ps256, Family::rsa_pss, 32, {KeyType::rsa, KeyType::rsa_pss}},
    {"PS384", Algorithm::ps384, Family::rsa_pss, 48, {KeyType::rsa, KeyType::rsa_pss}},
    {"PS512", Algorithm::ps512, Family::rsa_pss, 64, {KeyType::rsa, KeyType::rsa_pss}},
    {"ES256", Algorithm::es256, Family::ecdsa, 32, {KeyType::p256}},
    {"ES384", Algorithm::es384, Family::ecdsa, 48, {KeyType::p384}},
    {"ES512", Algorithm::es512, Family::ecdsa, 64, {KeyType::p521}},
    {"ES256K", Algorithm::es256k, Family::ecdsa, 32, {KeyType::secp256k1}},
    {"EdDSA", Algorithm::eddsa, Family::eddsa, 0, {KeyType::ed25519, KeyType::ed448}},
    {"Ed25519", Algorithm::ed25519, Family::eddsa, 0, {KeyType::ed25519}},
    {"Ed448", Algorithm::ed448, Family::eddsa, 0, {KeyType::ed448}},
}};

constexpr std::array kTypes{
    KeyType::oct,  KeyType::rsa,       KeyType::rsa_pss, KeyType::p256,  KeyType::p384,
    KeyType::p521, KeyType::secp256k1, KeyType::ed25519, KeyType::ed448,
};

void knows_every_algorithm_by_name(void**) {
    for (const Row& row : kRows) {
        expect(algorithm_named(row.name) == row.algorithm, row.name, "algorithm");
        const AlgorithmTraits& actual = traits(row.algorithm);
        expect_text(actual.name, row.name, row.name);
        expect(actual.family == row.family, row.name, "family");
        expect(actual.digest_bytes == row.digest_bytes, row.name, "digest_bytes");
        expect((actual.digest == nullptr) == (row.family == Family::eddsa), row.name, "digest");
    }
}

void knows_no_other_name(void**) {
    constexpr std::array kUnknown{
        ""sv,        "none"sv,    "None"sv,   "NONE"sv,   "nOnE"sv,      "none "sv,
        "hs256"sv,   "Hs256"sv,   "HS256 "sv, " HS256"sv, "HS25"sv,      "HS2566"sv,
        "HS256\0"sv, "HS1"sv,     "RS1"sv,    "es256k"sv, "ES521"sv,     "ES256k"sv,
        "EDDSA"sv,   "ed25519"sv, "X25519"sv, "RSA1_5"sv, "dir"sv,       "RSA-OAEP"sv,
        "A128KW"sv,  "PBES2"sv,   "HMAC"sv,   "ESP256"sv, "ML-DSA-44"sv,
    };
    for (const std::string_view name : kUnknown) {
        expect(!algorithm_named(name), name, "unknown");
    }
}

// Above all: no public key verifies an HMAC, and no secret anything else.
void fits_type_and_curve_and_nothing_else(void**) {
    for (const Row& row : kRows) {
        for (const KeyType type : kTypes) {
            const bool expected =
                std::find(row.types.begin(), row.types.end(), type) != row.types.end();
            expect(fits(row.algorithm, type) == expected, row.name, "fits");
        }
    }
}

void sets_hold_what_was_inserted(void**) {
    for (const Row& row : kRows) {
        AlgorithmSet one;
        expect(!one.contains(row.algorithm), row.name, "empty set");
        one.insert(row.algorithm);
        for (const Row& other : kRows) {
            expect(one.contains(other.algorithm) == (other.algorithm == row.algorithm), row.name,
                   other.name);
            expect(AlgorithmSet::all().contains(other.algorithm), row.name, "all");
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(knows_every_algorithm_by_name),
        cmocka_unit_test(knows_no_other_name),
        cmocka_unit_test(fits_type_and_curve_and_nothing_else),
        cmocka_unit_test(sets_hold_what_was_inserted),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
