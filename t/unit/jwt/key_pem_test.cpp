// Key::from_pem of jwt/core/key.hpp.

#include <openssl/err.h>
#include <openssl/ui.h>

#include <array>
#include <string>
#include <string_view>

#include "expect.hpp"
#include "jwt/core/key.hpp"
#include "jwt/core/token.hpp"
#include "oom.hpp"
#include "pem_vectors.hpp"
#include "rfc_vectors.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;
using namespace std::literals;

std::string_view first_line(std::string_view pem) { return pem.substr(0, pem.find('\n')); }

std::string without_last_line(std::string_view pem) {
    return std::string(pem.substr(0, pem.rfind("-----END")));
}

// The same key behind RFC 1421's encryption headers, which ask for a passphrase.
std::string encrypted(std::string_view pem) {
    const std::size_t body = pem.find('\n') + 1;
    return std::string(pem.substr(0, body)) + "Proc-Type: 4,ENCRYPTED\n" +
           "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n" +
           std::string(pem.substr(body));
}

// Netscape's name for the same.
std::string renamed(std::string_view certificate) {
    std::string text(certificate);
    for (const std::string_view mark : {"BEGIN "sv, "END "sv}) {
        text.insert(text.find(mark) + mark.size(), "X509 ");
    }
    return text;
}

struct Row {
    const char* name;
    std::string pem;
    KeyType type;
};

const std::array<Row, 12> kAccepted{{
    {"SubjectPublicKeyInfo", std::string(pem::kRsa), KeyType::rsa},
    {"RSAPublicKey", std::string(pem::kRsaPkcs1), KeyType::rsa},
    {"RSASSA-PSS", std::string(pem::kRsaPss), KeyType::rsa_pss},
    {"RSASSA-PSS with SHA-256", std::string(pem::kRsaPssSha256), KeyType::rsa_pss},
    {"P-256", std::string(pem::kP256), KeyType::p256},
    {"P-256, compressed", std::string(pem::kP256Compressed), KeyType::p256},
    {"Ed25519", std::string(pem::kEd25519), KeyType::ed25519},
    {"a certificate", std::string(pem::kCertificate), KeyType::rsa},
    {"a certificate under its old name", renamed(pem::kCertificate), KeyType::rsa},
    {"text before", "issued for the gateway\n" + std::string(pem::kEd25519), KeyType::ed25519},
    {"text after", std::string(pem::kEd25519) + "\nsee above", KeyType::ed25519},
    {"no last newline", std::string(pem::kEd25519.substr(0, pem::kEd25519.size() - 1)),
     KeyType::ed25519},
}};

void public_keys_and_certificates_are_read(void**) {
    for (const Row& row : kAccepted) {
        const auto key = Key::from_pem(row.pem, "a kid");
        expect_error(error_of(key), Error::none, row.name);
        expect(key->type() == row.type, row.name, "type");
        expect(key->kid() == "a kid", row.name, "kid");
        expect(!key->admits(Algorithm::hs256), row.name, "no HMAC secret");
        expect(ERR_peek_error() == 0, row.name, "error queue");
    }
    assert_true(Key::from_pem(pem::kEd25519, "")->kid() == "");
}

struct Refused {
    const char* name;
    std::string pem;
    Error expected;
};

const std::array<Refused, 20> kRefused{{
    {"nothing", "", Error::key_invalid},
    {"no PEM", "secret", Error::key_invalid},
    {"a JWK", R"({"kty":"oct","k":"AAAA"})", Error::key_invalid},
    {"the first line alone", std::string(first_line(pem::kRsa)) + '\n', Error::key_invalid},
    {"no last line", without_last_line(pem::kRsa), Error::key_invalid},
    {"no content", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", Error::key_invalid},
    {"no ASN.1", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
     Error::key_invalid},
    {"no base64", "-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----\n",
     Error::key_invalid},
    {"cut in the middle", std::string(pem::kRsa.substr(0, 200)) + "\n-----END PUBLIC KEY-----\n",
     Error::key_invalid},
    {"a private key", std::string(pem::kP256Private), Error::key_invalid},
    {"an encrypted private key", std::string(pem::kP256Encrypted), Error::key_invalid},
    {"an encrypted public key", encrypted(pem::kRsa), Error::key_invalid},
    {"an encrypted certificate", encrypted(pem::kCertificate), Error::key_invalid},
    {"a certificate cut short", without_last_line(pem::kCertificate), Error::key_invalid},
    {"a certificate with a key's content",
     "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", Error::key_invalid},
    {"off the curve", std::string(pem::kP256OffCurve), Error::key_invalid},
    {"another curve", std::string(pem::kP224), Error::key_type_unsupported},
    {"key agreement", std::string(pem::kX25519), Error::key_type_unsupported},
    {"RSA with 1024 bits", std::string(pem::kRsa1024), Error::key_too_weak},
    {"a NUL", "\0"s, Error::key_invalid},
}};

bool asked = false;

// Stands in for OpenSSL's own method, which would read from the terminal.
int refuse_to_ask(void**) {
    UI_METHOD* const method = UI_create_method("refusing");
    UI_method_set_opener(method, [](UI*) {
        asked = true;
        return 0;
    });
    UI_set_default_method(method);
    return 0;
}

int ask_again(void**) {
    auto* const method = const_cast<UI_METHOD*>(UI_get_default_method());
    UI_set_default_method(UI_OpenSSL());
    UI_destroy_method(method);
    return 0;
}

void the_rest_is_refused(void**) {
    for (const Refused& row : kRefused) {
        expect_error(error_of(Key::from_pem(row.pem, "")), row.expected, row.name);
        expect(ERR_peek_error() == 0, row.name, "error queue");
    }
}

// nginx has nobody to ask: at start-up it would hang, and a worker would with every request it
// holds.
void nobody_is_asked_for_a_passphrase(void**) {
    for (const Refused& row : kRefused) {
        asked = false;
        const auto key = Key::from_pem(row.pem, "");
        expect(!asked, row.name, "asked for a passphrase");
    }
}

// The keys are those of the RFC's tokens, in other clothes.
void keys_verify(void**) {
    const auto rs256 = Key::from_pem(pem::kRsa, "");
    const auto pkcs1 = Key::from_pem(pem::kRsaPkcs1, "");
    const auto pss = Key::from_pem(pem::kRsaPss, "");
    const auto ed25519 = Key::from_pem(pem::kEd25519, "");
    unsigned verified = 0;
    for (const rfc::Token& example : rfc::kTokens) {
        const std::string text = example.text();
        HeaderCache headers;
        const auto token = Token::parse(text, {}, headers);
        const auto verify = [&](const Key& key) {
            expect_error(key.verify(token->algorithm(), token->signing_input(), token->signature()),
                         Error::none, example.source);
            ++verified;
        };
        if (example.key_set == rfc::k7520Rsa) {
            verify(*rs256);
            verify(*pkcs1);
            expect(pss->admits(token->algorithm()) == (example.algorithm == "PS384"),
                   example.source, "RSASSA-PSS only");
            if (pss->admits(token->algorithm())) {
                verify(*pss);
            }
        }
        if (example.key_set == rfc::k8037Ed25519) {
            verify(*ed25519);
        }
    }
    assert_true(verified >= 6);
}

// A key may allow one hash only, or salts that no JWS has. The token chooses the algorithm, so to
// ask for another is the token's fault, not the library's.
void a_restricted_key_is_no_internal_error(void**) {
    for (const std::string_view text : {pem::kRsaPssSha256, pem::kRsaPssSalt64}) {
        const auto key = Key::from_pem(text, "");
        for (const Algorithm algorithm : {Algorithm::ps256, Algorithm::ps384, Algorithm::ps512}) {
            if (key && key->admits(algorithm)) {
                expect_error(key->verify(algorithm, "input", std::string(256, '\1')),
                             Error::bad_signature, traits(algorithm).name);
            }
        }
    }
}

// OpenSSL allocates some thousand times for one key, so one of each form has to do.
void reports_that_memory_ran_out(void**) {
    for (const std::string_view text : {pem::kP256, pem::kCertificate}) {
        const KeyType type = text == pem::kP256 ? KeyType::p256 : KeyType::rsa;
        bool wrong = false;
        for_each_failing_allocation([&] {
            const auto key = Key::from_pem(text, "a kid that is longer than a short string");
            wrong |= key && (key->type() != type || !key->kid());
        });
        expect(!wrong, first_line(text), "another key");
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(public_keys_and_certificates_are_read),
        cmocka_unit_test(the_rest_is_refused),
        cmocka_unit_test(nobody_is_asked_for_a_passphrase),
        cmocka_unit_test(keys_verify),
        cmocka_unit_test(a_restricted_key_is_no_internal_error),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, refuse_to_ask, ask_again);
}
