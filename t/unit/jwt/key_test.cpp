#include "jwt/core/key.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/base64.hpp"
#include "expect.hpp"
#include "jose.hpp"
#include "oom.hpp"
#include "pem_vectors.hpp"
#include "rfc_vectors.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;
using namespace std::literals;

// The only key of a set.
Json only_key(std::string_view set) {
    return Json(json_incref(json_array_get(member(json(set).get(), "keys"), 0)));
}

// The JWK with one member set to a JSON value, or removed if that is empty.
Json with(const Json& jwk, std::string_view name, std::string_view value) {
    json_t* copy = json_copy(const_cast<json_t*>(jwk.get()));
    if (value.empty()) {
        json_object_deln(copy, name.data(), name.size());
    } else {
        json_object_setn_new(copy, name.data(), name.size(),
                             json_incref(const_cast<json_t*>(json(value).get())));
    }
    return Json(copy);
}

// A JSON string that holds octets in base64url.
std::string quoted(std::string_view octets) { return '"' + base64url(octets) + '"'; }

struct Base {
    const char* name;
    Json jwk;
    KeyType type;
    std::vector<Algorithm> algorithms;
};

// A good key of every type.
const std::vector<Base>& bases() {
    using enum Algorithm;
    static const std::vector<Base> kBases{
        {"oct", only_key(rfc::k7515Hmac), KeyType::oct, {hs256, hs384, hs512}},
        {"RSA", only_key(rfc::k7515Rsa), KeyType::rsa, {rs256, rs384, rs512, ps256, ps384, ps512}},
        {"P-256", only_key(rfc::k7515P256), KeyType::p256, {es256}},
        {"P-384",
         json(R"({"kty":"EC","crv":"P-384","x":)"
              R"("7DpOQVtOGaRWhhgCn0J_pdqai8SukuAuBqrlKGswDGTe-PDqkFWGYGSiVFFUgLwT","y":)"
              R"("gBXZty19VyROqO-awMYhiWcIpZNn-d-59UyoSz8cnbEoiyMcOuDU_nNE_SUzJkcg"})"),
         KeyType::p384,
         {es384}},
        {"P-521", only_key(rfc::k7515P521), KeyType::p521, {es512}},
        {"secp256k1",
         json(R"({"kty":"EC","crv":"secp256k1","x":"eb5mfvncu6xVoGKVzocLBwKb_NstzijZWfKBWxb4F5g",)"
              R"("y":"SDradyajxGVdpPv8DhEIqP0XtEimhVQZnEfQj_sQ1Lg"})"),
         KeyType::secp256k1,
         {es256k}},
        {"Ed25519", only_key(rfc::k8037Ed25519), KeyType::ed25519, {eddsa, ed25519}},
        {"Ed448",
         json(R"({"kty":"OKP","crv":"Ed448","x":)"
              R"("Q7oo9DDN_0Vq5TFUX37NCsg0pV2TWMA3K_oMbGeYwIZq6gHrAHQoArhDjqTLghacI1FgYntMOpSA"})"),
         KeyType::ed448,
         {eddsa, ed448}},
    };
    return kBases;
}

const Base& base(std::string_view name) {
    return *std::find_if(bases().begin(), bases().end(),
                         [&](const Base& b) { return b.name == name; });
}

std::string octets_of(std::string_view base_name, std::string_view name) {
    const auto text = string_of(member(base(base_name).jwk.get(), name));
    return *gatehouse::base::decode_base64url(*text);
}

std::vector<Algorithm> admitted(const Key& key) {
    std::vector<Algorithm> list;
    for (std::size_t i = 0; i < kAlgorithms; ++i) {
        if (key.admits(static_cast<Algorithm>(i))) {
            list.push_back(static_cast<Algorithm>(i));
        }
    }
    std::sort(list.begin(), list.end());
    return list;
}

void keys_admit_what_their_type_and_curve_can_do(void**) {
    for (const Base& each : bases()) {
        const auto key = Key::from_jwk(each.jwk.get());
        expect_error(error_of(key), Error::none, each.name);
        expect(key->type() == each.type, each.name, "type");
        expect(admitted(*key) == each.algorithms, each.name, "algorithms");
        expect(!key->kid(), each.name, "kid");
        expect((key->secret_bytes() > 0) == (each.type == KeyType::oct), each.name, "secret_bytes");
    }
}

struct Change {
    std::string_view base, name, value;
    Error expected;
};

void check(std::string_view base_name, std::string_view name, std::string_view value,
           Error expected) {
    const std::string row = std::string(base_name) + ", " + std::string(name) + " = " +
                            std::string(value.substr(0, 80));
    const Json jwk = with(base(base_name).jwk, name, value);
    expect_error(error_of(Key::from_jwk(jwk.get())), expected, row);
}

// Members that say what a key is for (RFC 7517 sections 4.1 to 4.5).
constexpr std::array<Change, 62> kPurposes{{
    {"RSA", "use", "\"sig\"", Error::none},
    {"RSA", "use", "\"enc\"", Error::key_not_for_signatures},
    {"RSA", "use", "\"SIG\"", Error::key_not_for_signatures},
    {"RSA", "use", "\"\"", Error::key_not_for_signatures},
    {"RSA", "use", "1", Error::key_not_for_signatures},
    {"RSA", "use", "null", Error::none},
    {"RSA", "use", "[\"sig\"]", Error::key_not_for_signatures},
    {"oct", "use", "\"enc\"", Error::key_not_for_signatures},
    {"Ed25519", "use", "\"enc\"", Error::key_not_for_signatures},
    {"RSA", "key_ops", "[\"verify\"]", Error::none},
    {"RSA", "key_ops", "[\"sign\",\"verify\"]", Error::none},
    {"RSA", "key_ops", "[1,\"verify\"]", Error::none},
    {"RSA", "key_ops", "[\"sign\"]", Error::key_not_for_signatures},
    {"RSA", "key_ops", "[\"VERIFY\"]", Error::key_not_for_signatures},
    {"RSA", "key_ops", "[\"encrypt\",\"wrapKey\"]", Error::key_not_for_signatures},
    {"RSA", "key_ops", "[]", Error::key_not_for_signatures},
    {"RSA", "key_ops", "\"verify\"", Error::key_not_for_signatures},
    {"RSA", "key_ops", "null", Error::none},
    {"RSA", "key_ops", "{\"verify\":1}", Error::key_not_for_signatures},
    {"RSA", "alg", "\"RS256\"", Error::none},
    {"RSA", "alg", "\"PS512\"", Error::none},
    {"RSA", "alg", "\"HS256\"", Error::key_algorithm_mismatch},
    {"RSA", "alg", "\"ES256\"", Error::key_algorithm_mismatch},
    {"RSA", "alg", "\"none\"", Error::key_algorithm_mismatch},
    {"RSA", "alg", "\"rs256\"", Error::key_algorithm_mismatch},
    {"RSA", "alg", "\"RS1\"", Error::key_algorithm_mismatch},
    {"RSA", "alg", "\"\"", Error::key_algorithm_mismatch},
    {"RSA", "alg", "256", Error::key_algorithm_mismatch},
    {"RSA", "alg", "null", Error::none},
    {"RSA", "alg", "[\"RS256\"]", Error::key_algorithm_mismatch},
    {"RSA", "alg", "\"RSA-OAEP\"", Error::key_not_for_signatures},
    {"RSA", "alg", "\"RSA-OAEP-256\"", Error::key_not_for_signatures},
    {"RSA", "alg", "\"RSA1_5\"", Error::key_not_for_signatures},
    {"oct", "alg", "\"HS512\"", Error::none},
    {"oct", "alg", "\"RS256\"", Error::key_algorithm_mismatch},
    {"oct", "alg", "\"A128KW\"", Error::key_not_for_signatures},
    {"oct", "alg", "\"A192GCMKW\"", Error::key_not_for_signatures},
    {"oct", "alg", "\"A256GCM\"", Error::key_not_for_signatures},
    {"oct", "alg", "\"dir\"", Error::key_not_for_signatures},
    {"oct", "alg", "\"PBES2-HS256+A128KW\"", Error::key_not_for_signatures},
    {"P-256", "alg", "\"ES256\"", Error::none},
    {"P-256", "alg", "\"ES384\"", Error::key_algorithm_mismatch},
    {"P-256", "alg", "\"ES256K\"", Error::key_algorithm_mismatch},
    {"P-256", "alg", "\"HS256\"", Error::key_algorithm_mismatch},
    {"P-256", "alg", "\"ECDH-ES+A128KW\"", Error::key_not_for_signatures},
    {"secp256k1", "alg", "\"ES256\"", Error::key_algorithm_mismatch},
    {"P-521", "alg", "\"ES512\"", Error::none},
    {"P-521", "alg", "\"ES521\"", Error::key_algorithm_mismatch},
    {"Ed25519", "alg", "\"EdDSA\"", Error::none},
    {"Ed25519", "alg", "\"Ed25519\"", Error::none},
    {"Ed25519", "alg", "\"Ed448\"", Error::key_algorithm_mismatch},
    {"Ed448", "alg", "\"Ed25519\"", Error::key_algorithm_mismatch},
    {"RSA", "kid", "\"\"", Error::none},
    {"RSA", "kid", "1", Error::key_member_invalid},
    {"RSA", "kid", "null", Error::none},
    {"RSA", "kty", "", Error::key_type_unsupported},
    {"RSA", "kty", "1", Error::key_type_unsupported},
    {"RSA", "kty", "\"rsa\"", Error::key_type_unsupported},
    {"oct", "kty", "\"RSA\"", Error::key_member_invalid},
    {"RSA", "kty", "\"oct\"", Error::key_member_invalid},
    {"P-256", "kty", "\"OKP\"", Error::key_type_unsupported},
    {"RSA", "x5c", "[\"!\"]", Error::none},
}};

void purpose_members_are_honoured(void**) {
    for (const Change& row : kPurposes) {
        check(row.base, row.name, row.value, row.expected);
    }
}

void a_jwk_is_an_object(void**) {
    for (const std::string_view text : {"[]", "1", "null", "\"RSA\""}) {
        expect_error(error_of(Key::from_jwk(json(text).get())), Error::key_member_invalid, text);
    }
    expect_error(error_of(Key::from_jwk(json("{}").get())), Error::key_type_unsupported, "{}");
}

void alg_leaves_one_algorithm(void**) {
    using enum Algorithm;
    const auto list = [](std::string_view base_name, std::string_view alg) {
        return admitted(*Key::from_jwk(with(base(base_name).jwk, "alg", alg).get()));
    };
    assert_true((list("RSA", "\"PS384\"") == std::vector{ps384}));
    assert_true((list("oct", "\"HS384\"") == std::vector{hs384}));
    assert_true((list("P-384", "\"ES384\"") == std::vector{es384}));
    // One algorithm under two names (RFC 9864 section 2.2).
    for (const std::string_view alg : {"\"EdDSA\"", "\"Ed25519\""}) {
        assert_true((list("Ed25519", alg) == std::vector{eddsa, ed25519}));
    }
    assert_true((list("Ed448", "\"EdDSA\"") == std::vector{eddsa, ed448}));
}

void rsa_numbers_are_checked(void**) {
    const std::string n = octets_of("RSA", "n");
    const auto modulus = [&](std::string octets, Error expected) {
        check("RSA", "n", quoted(octets), expected);
    };
    modulus(n.substr(0, 127) + '\x01', Error::key_too_weak);  // 1024 bits
    modulus('\x7f' + n.substr(1), Error::key_too_weak);       // 2047 bits
    modulus(std::string(1, '\0'), Error::key_too_weak);
    modulus(n.substr(0, 255) + '\x10', Error::key_invalid);  // even
    modulus(std::string(2048, '\xff'), Error::none);         // 16384 bits
    modulus(std::string(2049, '\xff'), Error::key_member_invalid);
    modulus(std::string(100'000, '\xff'), Error::key_member_invalid);
    const auto exponent = [&](std::string octets, Error expected) {
        check("RSA", "e", quoted(octets), expected);
    };
    exponent("\x03", Error::none);
    exponent(std::string(7, '\0') + '\x03', Error::none);
    exponent(std::string(8, '\xff'), Error::none);
    exponent(std::string(1, '\0'), Error::key_invalid);
    exponent("\x01", Error::key_invalid);
    exponent("\x02", Error::key_invalid);
    exponent("\x01" + std::string(7, '\0') + '\x01', Error::key_invalid);  // 65 bits
    exponent(n, Error::key_invalid);
    for (const std::string_view name : {"n", "e"}) {
        for (const std::string_view value :
             {"", "1", "null", "\"\"", "\"AQAB=\"", "\"A+AB\"", "\"A\""}) {
            check("RSA", name, value, Error::key_member_invalid);
        }
    }
    // A private key is a public one with more in it, and what is more is not looked at.
    check("RSA", "d", "\"!\"", Error::none);
    check("RSA", "oth", "[]", Error::none);
}

void ec_points_are_checked(void**) {
    for (const std::string_view name : {"P-256", "P-384", "P-521", "secp256k1"}) {
        const std::string x = octets_of(name, "x"), y = octets_of(name, "y");
        std::string off = y;
        off.back() = static_cast<char>(off.back() ^ 1);
        check(name, "y", quoted(off), Error::key_invalid);
        check(name, "x", quoted(std::string(x.size(), '\0')), Error::key_invalid);
        check(name, "x", quoted(std::string(x.size(), '\xff')),
              Error::key_invalid);  // beyond the field
        check(name, "y", quoted(std::string(y.size(), '\xff')), Error::key_invalid);
        check(name, "x", quoted(y), Error::key_invalid);
        for (const std::string_view coordinate : {"x", "y"}) {
            // RFC 7518 section 6.2.1.2 wants full length. Nothing but zeros may be missing in
            // front.
            const std::string& octets = coordinate == "x" ? x : y;
            const bool has_zero = octets.front() == '\0';
            check(name, coordinate, quoted(octets.substr(1)),
                  has_zero ? Error::none : Error::key_member_invalid);
            check(name, coordinate, quoted('\0' + octets), Error::none);
            check(name, coordinate, quoted("\0\0"s + octets), Error::none);
            check(name, coordinate, quoted('\1' + octets), Error::key_member_invalid);
            check(name, coordinate, quoted(octets + '\0'), Error::key_member_invalid);
            for (const std::string_view value : {"", "1", "\"\"", "\"AAA=\""}) {
                check(name, coordinate, value, Error::key_member_invalid);
            }
        }
    }
    const Json nowhere = with(with(base("P-256").jwk, "x", quoted(std::string(32, '\0'))), "y",
                              quoted(std::string(32, '\0')));
    expect_error(error_of(Key::from_jwk(nowhere.get())), Error::key_invalid, "the point (0, 0)");
}

void curves_are_checked(void**) {
    for (const std::string_view crv :
         {"", "\"P-224\"", "\"p-256\"", "\"Ed25519\"", "\"prime256v1\"", "1"}) {
        check("P-256", "crv", crv, Error::key_type_unsupported);
    }
    check("P-256", "crv", "\"P-384\"", Error::key_member_invalid);
    check("P-256", "crv", "\"secp256k1\"", Error::key_invalid);  // of the same length, not on it
    check("secp256k1", "crv", "\"P-256\"", Error::key_invalid);
    for (const std::string_view crv :
         {"", "\"X25519\"", "\"X448\"", "\"ed25519\"", "\"P-256\"", "null"}) {
        check("Ed25519", "crv", crv, Error::key_type_unsupported);
    }
    check("Ed25519", "crv", "\"Ed448\"", Error::key_member_invalid);
    check("Ed448", "crv", "\"Ed25519\"", Error::key_member_invalid);
    for (const std::string_view name : {"Ed25519", "Ed448"}) {
        const std::string x = octets_of(name, "x");
        check(name, "x", quoted(x.substr(1)), Error::key_member_invalid);
        check(name, "x", quoted(x + '\0'), Error::key_member_invalid);
        for (const std::string_view value : {"", "1", "\"\"", "\"AAA=\""}) {
            check(name, "x", value, Error::key_member_invalid);
        }
    }
}

void secrets_are_checked(void**) {
    check("oct", "k", "", Error::key_member_invalid);
    check("oct", "k", "1", Error::key_member_invalid);
    check("oct", "k", "\"YWJj \"", Error::key_member_invalid);
    check("oct", "k", "\"YQ==\"", Error::none);  // padded as it should be, or not at all
    check("oct", "k", "\"YQ=\"", Error::key_member_invalid);
    check("oct", "k", "\"\"", Error::secret_empty);
    for (const std::string_view text :
         {pem::kRsa, pem::kRsaPkcs1, pem::kP256, pem::kEd25519, pem::kCertificate,
          pem::kP256Private, pem::kP256Encrypted}) {
        check("oct", "k", quoted(text), Error::secret_is_pem);
        check("oct", "k", quoted("\xef\xbb\xbf \r\n" + std::string(text)), Error::secret_is_pem);
        expect_error(error_of(Key::from_secret(std::string(text))), Error::secret_is_pem, text);
    }
    expect_error(error_of(Key::from_secret("")), Error::secret_empty, "empty");
    // Every octet counts: no end at NUL, nothing trimmed.
    const std::string secret = "\0 a\n"s;
    const auto key = Key::from_secret(secret);
    assert_int_equal(key->secret_bytes(), 4);
    assert_int_equal(key->type(), KeyType::oct);
    assert_true(key->verify(Algorithm::hs256, "x", hmac_sha256(secret, "x")) == Error::none);
    assert_true(key->verify(Algorithm::hs256, "x", hmac_sha256("", "x")) == Error::bad_signature);
}

void short_secrets_are_told(void**) {
    const auto is_short = [](std::size_t size, std::string_view alg) {
        const Json jwk = with(json("{\"kty\":\"oct\"}"), "k", quoted(std::string(size, 'k')));
        return Key::from_jwk(with(jwk, "alg", alg).get())->secret_is_short();
    };
    assert_true(is_short(31, ""));
    assert_false(is_short(32, ""));
    assert_false(is_short(32, "\"HS256\""));
    assert_true(is_short(47, "\"HS384\""));
    assert_false(is_short(48, "\"HS384\""));
    assert_true(is_short(63, "\"HS512\""));
    assert_false(is_short(64, "\"HS512\""));
    assert_false(Key::from_jwk(base("Ed25519").jwk.get())->secret_is_short());
}

void kids_are_kept(void**) {
    const auto key = Key::from_jwk(with(base("RSA").jwk, "kid", R"("caf\u00e9 1")").get());
    assert_true(key->kid() == "caf\xc3\xa9 1");
    assert_true(Key::from_jwk(with(base("RSA").jwk, "kid", "\"\"").get())->kid() == "");
}

// A key that comes out although memory ran out is the whole key.
void reports_that_memory_ran_out(void**) {
    for (const Base& each : bases()) {
        bool wrong = false;
        for_each_failing_allocation([&] {
            const auto key = Key::from_jwk(each.jwk.get());
            wrong |= key && key->type() != each.type;
        });
        expect(!wrong, each.name, "another type");
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(keys_admit_what_their_type_and_curve_can_do),
        cmocka_unit_test(purpose_members_are_honoured),
        cmocka_unit_test(a_jwk_is_an_object),
        cmocka_unit_test(alg_leaves_one_algorithm),
        cmocka_unit_test(rsa_numbers_are_checked),
        cmocka_unit_test(ec_points_are_checked),
        cmocka_unit_test(curves_are_checked),
        cmocka_unit_test(secrets_are_checked),
        cmocka_unit_test(short_secrets_are_told),
        cmocka_unit_test(kids_are_kept),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
