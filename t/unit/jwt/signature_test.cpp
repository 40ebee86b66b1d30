#include "jwt/core/signature.hpp"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base64.hpp"
#include "expect.hpp"
#include "jose.hpp"
#include "jwt/core/key.hpp"
#include "jwt/core/openssl.hpp"
#include "oom.hpp"
#include "pem_vectors.hpp"
#include "rfc_vectors.hpp"
#include "rsa_vectors.hpp"
#include "signature_vectors.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;
using namespace std::literals;

// A signature that is right, and the key to see it with.
struct Good {
    std::string source;
    Key key;
    Algorithm algorithm;
    std::string message;
    std::string signature;

    Error verify(std::string_view other) const { return key.verify(algorithm, message, other); }
};

Key only_key(std::string_view set) {
    const Json root = json(set);
    return std::move(*Key::from_jwk(json_array_get(member(root.get(), "keys"), 0)));
}

std::vector<Good> good_signatures(Family family) {
    std::vector<Good> list;
    const auto add = [&](std::string_view source, Key key, std::string_view algorithm,
                         std::string message, std::string signature) {
        const Algorithm named = *algorithm_named(algorithm);
        if (traits(named).family == family) {
            list.push_back({std::string(source), std::move(key), named, std::move(message),
                            std::move(signature)});
        }
    };
    for (const rfc::Signature& each : rfc::kSignatures) {
        add(each.source, std::move(*Key::from_jwk(json(each.jwk).get())), each.algorithm,
            unhex(each.message), unhex(each.signature));
    }
    add("PS256", only_key(rfc::k7520Rsa), "PS256", std::string(rsa::kMessage),
        unhex(rsa::kPssLeadingZero));
    add("RS256", only_key(rfc::k7520Rsa), "RS256", std::string(rsa::kZeroMessage),
        unhex(rsa::kPkcs1LeadingZero));
    return list;
}

constexpr std::array kFamilies{Family::hmac, Family::rsa_pkcs1, Family::rsa_pss, Family::ecdsa,
                               Family::eddsa};

void expect_bad(const Good& good, std::string_view signature, std::string_view what) {
    expect_error(good.verify(signature), Error::bad_signature,
                 good.source + ", " + std::string(what));
}

// What one token does to a verifier must not reach the next, nor nginx's next TLS connection.
void a_verifier_serves_one_token_after_another(void**) {
    for (const Family family : kFamilies) {
        for (const Good& good : good_signatures(family)) {
            std::string other = good.signature;
            other[other.size() / 2] = static_cast<char>(other[other.size() / 2] ^ 1);
            for (int i = 0; i < 3; ++i) {
                expect_error(good.verify(good.signature), Error::none, good.source);
                expect_bad(good, other, "a changed bit");
                expect_bad(good, "", "nothing");
                expect_bad(good, std::string(1000, '\xff'), "far too long");
                expect_error(good.key.verify(good.algorithm, good.message + "x", good.signature),
                             Error::bad_signature, good.source + ", another message");
                expect_error(good.key.verify(good.algorithm, "", good.signature),
                             Error::bad_signature, good.source + ", an empty message");
                expect(ERR_peek_error() == 0, good.source, "error queue");
            }
        }
    }
}

void length_is_exact(void**) {
    for (const Family family : kFamilies) {
        for (const Good& good : good_signatures(family)) {
            expect_bad(good, good.signature + '\0', "one octet more");
            expect_bad(good, '\0' + good.signature, "one octet more in front");
            expect_bad(good, good.signature.substr(1), "the first octet missing");
            expect_bad(good, good.signature.substr(0, good.signature.size() - 1),
                       "the last octet missing");
            expect_bad(good, good.signature.substr(0, good.signature.size() / 2), "half of it");
            expect_bad(good, good.signature + good.signature, "twice");
        }
    }
}

// RFC 2104 allows to truncate, RFC 7518 section 3.2 does not; and each hash is its own.
void hmacs_are_whole_and_of_their_hash(void**) {
    for (const Good& good : good_signatures(Family::hmac)) {
        for (std::size_t size = 0; size < good.signature.size(); ++size) {
            expect_bad(good, std::string_view(good.signature).substr(0, size), "truncated");
        }
        for (const Algorithm other : {Algorithm::hs256, Algorithm::hs384, Algorithm::hs512}) {
            expect_error(good.key.verify(other, good.message, good.signature),
                         other == good.algorithm ? Error::none : Error::bad_signature, good.source);
        }
    }
}

// a + b in `size` octets.
std::string sum(std::string_view a, std::string_view b, std::size_t size) {
    const BigNum x(BN_bin2bn(octets(a.data()), static_cast<int>(a.size()), nullptr));
    const BigNum y(BN_bin2bn(octets(b.data()), static_cast<int>(b.size()), nullptr));
    BN_add(x.get(), x.get(), y.get());
    std::string out(size, '\0');
    const int written =
        BN_bn2binpad(x.get(), reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(size));
    expect(written == static_cast<int>(size), "sum", "fits");
    return out;
}

std::string reversed(std::string_view text) { return {text.rbegin(), text.rend()}; }

// n of the curve (SEC 2).
std::string order_of(Algorithm algorithm) {
    switch (algorithm) {
    case Algorithm::es256:
        return unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    case Algorithm::es384:
        return unhex(
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec19"
            "6accc52973");
    case Algorithm::es512:
        return unhex(
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7f"
            "cc0148f7"
            "09a5d03bb5c9b8899c47aebb6fb71e91386409");
    default:
        return unhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    }
}

// RFC 7518 section 3.4: two numbers of full length, each at least 1 and below n.
void ecdsa_numbers_are_in_range(void**) {
    for (const Good& good : good_signatures(Family::ecdsa)) {
        const std::size_t size = good.signature.size() / 2;
        const std::string r = good.signature.substr(0, size), s = good.signature.substr(size);
        const std::string zero(size, '\0'), ones(size, '\xff'), n = order_of(good.algorithm);
        const std::string one = std::string(size - 1, '\0') + '\1';
        expect_bad(good, zero + zero, "r = s = 0");
        expect_bad(good, zero + s, "r = 0");
        expect_bad(good, r + zero, "s = 0");
        expect_bad(good, one + one, "r = s = 1");
        expect_bad(good, n + s, "r = n");
        expect_bad(good, r + n, "s = n");
        expect_bad(good, n + n, "r = s = n");
        expect_bad(good, zero + n, "r = 0, s = n");
        expect_bad(good, sum(n, one, size) + s, "r = n + 1");
        expect_bad(good, ones + s, "r beyond everything");
        expect_bad(good, r + ones, "s beyond everything");
        expect_bad(good, ones + ones, "both beyond everything");
        expect_bad(good, s + r, "swapped");
        if (good.algorithm == Algorithm::es512) {  // only there n leaves room for it
            expect_bad(good, sum(r, n, size) + s, "r + n");
            expect_bad(good, r + sum(s, n, size), "s + n");
        }
    }
}

// ECDSA-Sig-Value (RFC 3279 section 2.2.3), what OpenSSL itself would take.
void ecdsa_in_der_is_no_jws_signature(void**) {
    for (const Good& good : good_signatures(Family::ecdsa)) {
        const std::size_t size = good.signature.size() / 2;
        const auto integer = [](std::string octets) {
            octets.insert(0, 1, '\0');
            return "\x02" + std::string(1, static_cast<char>(octets.size())) + octets;
        };
        const std::string content =
            integer(good.signature.substr(0, size)) + integer(good.signature.substr(size));
        const std::string length(1, static_cast<char>(content.size()));
        expect_bad(good, (content.size() > 127 ? "\x30\x81" : "\x30") + length + content, "DER");
    }
}

// RFC 8032 sections 5.1.7 and 5.2.7: S must be below the order L, or there were several signatures.
void eddsa_numbers_are_below_the_order(void**) {
    const std::string order25519 =
        unhex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");
    const std::string order448 = unhex(
        "3fffffffffffffffffffffffffffffffffffffffffffffffffffffff7cca23e9c44edb49aed63690216cc2728d"
        "c58f552378"
        "c292ab5844f3");
    for (const Good& good : good_signatures(Family::eddsa)) {
        const std::size_t size = good.signature.size() / 2;
        const std::string r = good.signature.substr(0, size), s = good.signature.substr(size);
        const std::string& order = good.algorithm == Algorithm::ed448 ? order448 : order25519;
        expect_bad(good, r + reversed(sum(reversed(s), order, size)), "S + L");
        expect_bad(good, r + reversed(sum("", order, size)), "S = L");
        expect_bad(good, r + std::string(size, '\0'), "S = 0");
        expect_bad(good, r + std::string(size, '\xff'), "S beyond everything");
        expect_bad(good, std::string(size, '\0') + s, "R = 0");
        expect_bad(good, std::string(2 * size, '\0'), "all zero");
        expect_bad(good, s + r, "swapped");
    }
}

// RFC 8017 sections 8.1.2 and 8.2.2: as long as the modulus, and below it.
void rsa_numbers_are_below_the_modulus(void**) {
    const Json jwk = json(rfc::k7520Rsa);
    const auto n = gatehouse::base::decode_base64url(
        *string_of(member(json_array_get(member(jwk.get(), "keys"), 0), "n")));
    for (const Family family : {Family::rsa_pkcs1, Family::rsa_pss}) {
        for (const Good& good : good_signatures(family)) {
            expect(good.signature.front() == '\0', good.source, "begins with a zero octet");
            expect_error(good.verify(good.signature), Error::none, good.source);
            expect_bad(good, good.signature.substr(1), "without its leading zero");
            expect_bad(good, sum(good.signature, *n, n->size()), "the modulus added");
            expect_bad(good, *n, "the modulus itself");
            expect_bad(good, std::string(n->size(), '\0'), "zero");
            expect_bad(good, std::string(n->size() - 1, '\0') + '\1', "one");
            expect_bad(good, std::string(n->size(), '\xff'), "beyond everything");
        }
    }
}

// RFC 7518 section 3.5: salt and MGF1 as the hash has it; and neither padding stands for the other.
void rsa_parameters_are_those_of_the_algorithm(void**) {
    const Key key = only_key(rfc::k7520Rsa);
    struct Row {
        const char* name;
        std::string_view message, signature;
        Algorithm right;
    };
    const std::array<Row, 9> rows{{
        {"PS256", rsa::kMessage, rsa::kPssLeadingZero, Algorithm::ps256},
        {"RS256", rsa::kZeroMessage, rsa::kPkcs1LeadingZero, Algorithm::rs256},
        {"RS384", rsa::kMessage, rsa::kRs384, Algorithm::rs384},
        {"RS512", rsa::kMessage, rsa::kRs512, Algorithm::rs512},
        {"PS384", rsa::kMessage, rsa::kPs384, Algorithm::ps384},
        {"PS512", rsa::kMessage, rsa::kPs512, Algorithm::ps512},
        {"no salt", rsa::kMessage, rsa::kPssNoSalt, {}},
        {"a long salt", rsa::kMessage, rsa::kPssLongSalt, {}},
        {"MGF1 with SHA-1", rsa::kMessage, rsa::kPssOtherMask, {}},
    }};
    using enum Algorithm;
    for (const Row& row : rows) {
        for (const Algorithm algorithm : {rs256, rs384, rs512, ps256, ps384, ps512}) {
            expect_error(key.verify(algorithm, row.message, unhex(row.signature)),
                         algorithm == row.right ? Error::none : Error::bad_signature,
                         std::string(row.name) + " as " + std::string(traits(algorithm).name));
        }
    }
}

// The secret is copied, the key referenced: both may go.
void verifiers_need_nothing_of_their_makers(void**) {
    auto secret = std::make_unique<std::string>(64, 'k');
    const std::string tag = hmac_sha256(*secret, "message");
    const auto hmac = make_hmac_verifier(Algorithm::hs256, *secret);
    secret.reset();
    assert_true(hmac->verify("message", tag) == Error::none);

    const Bio bio(BIO_new_mem_buf(pem::kRsa.data(), static_cast<int>(pem::kRsa.size())));
    EvpPkey key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
    const auto pss = make_public_key_verifier(Algorithm::ps256, key.get());
    key.reset();
    assert_true(pss->verify(rsa::kMessage, unhex(rsa::kPssLeadingZero)) == Error::none);
}

// A signature that could not be checked is neither good nor bad, and the verifier outlives the
// shortage. (For elliptic curves and RSASSA-PSS OpenSSL does not always say that it had no memory:
// a good one may be called bad there.)
void reports_that_memory_ran_out(void**) {
    for (const Family family : kFamilies) {
        for (const Good& good : good_signatures(family)) {
            std::string other = good.signature;
            other[5] = static_cast<char>(other[5] ^ 1);
            bool refused = false, forged = false;
            for_each_failing_allocation([&] {
                refused |= good.verify(good.signature) == Error::bad_signature;
                forged |= good.verify(other) == Error::none;
            });
            expect(!forged, good.source, "a forgery passed");
            const bool told = family == Family::hmac || family == Family::rsa_pkcs1;
            expect(!refused || !told, good.source, "a good signature was called bad");
            expect_error(good.verify(good.signature), Error::none, good.source);
            expect(ERR_peek_error() == 0, good.source, "error queue");
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_verifier_serves_one_token_after_another),
        cmocka_unit_test(length_is_exact),
        cmocka_unit_test(hmacs_are_whole_and_of_their_hash),
        cmocka_unit_test(ecdsa_numbers_are_in_range),
        cmocka_unit_test(ecdsa_in_der_is_no_jws_signature),
        cmocka_unit_test(eddsa_numbers_are_below_the_order),
        cmocka_unit_test(rsa_numbers_are_below_the_modulus),
        cmocka_unit_test(rsa_parameters_are_those_of_the_algorithm),
        cmocka_unit_test(verifiers_need_nothing_of_their_makers),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
