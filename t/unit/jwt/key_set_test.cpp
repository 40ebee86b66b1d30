#include "jwt/core/key_set.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "expect.hpp"
#include "jose.hpp"
#include "oom.hpp"
#include "pem_vectors.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;
using namespace std::literals;

struct Parsed {
    Result<KeySet> set;
    std::vector<KeyNote> notes;
};

Parsed parse(std::string_view text, KeyFormat format = KeyFormat::jwks,
             const KeyLimits& limits = {}) {
    std::vector<KeyNote> notes;
    auto set = KeySet::parse(text, format, limits, notes);
    return {std::move(set), std::move(notes)};
}

// A secret of 64 octets, long enough for every algorithm.
std::string secret_jwk(char octet, std::string_view more = "") {
    return R"({"kty":"oct","k":")" + base64url(std::string(64, octet)) + '"' + std::string(more) +
           '}';
}

std::string with_kid(std::string_view kid) { return ",\"kid\":\"" + std::string(kid) + '"'; }

std::string jwks(const std::vector<std::string>& keys) {
    std::string out = "{\"keys\":[";
    for (const std::string& key : keys) {
        out += (out.back() == '[' ? "" : ",") + key;
    }
    return out + "]}";
}

// A JSON string. PEM has no character to escape but the newline.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        out += c == '\n' ? "\\n" : std::string(1, c);
    }
    return out + '"';
}

// Which of the secrets a span holds, in its order.
std::string octets_of(std::span<const Key> keys) {
    std::string out;
    for (const Key& key : keys) {
        for (const char octet : {'a', 'b', 'c', 'd', 'e'}) {
            if (key.verify(Algorithm::hs256, "x", hmac_sha256(std::string(64, octet), "x")) ==
                Error::none) {
                out += octet;
            }
        }
    }
    return out;
}

void texts_that_are_no_key_set_are_refused(void**) {
    struct Row {
        std::string_view text;
        KeyFormat format;
    };
    constexpr std::array<Row, 20> kRows{{
        {"", KeyFormat::jwks},
        {"x", KeyFormat::jwks},
        {"[]", KeyFormat::jwks},
        {"null", KeyFormat::jwks},
        {"{}", KeyFormat::jwks},
        {R"({"Keys":[]})", KeyFormat::jwks},
        {R"({"keys":{}})", KeyFormat::jwks},
        {R"({"keys":null})", KeyFormat::jwks},
        {R"({"keys":"a"})", KeyFormat::jwks},
        {R"({"keys":[]} x)", KeyFormat::jwks},
        {R"({"keys":[])", KeyFormat::jwks},
        {R"({"kty":"oct","k":"AAAA"})", KeyFormat::jwks},
        // duplicate members, of the set and of a key
        {R"({"keys":[],"keys":[]})", KeyFormat::jwks},
        {R"({"keys":[{"kty":"oct","k":"AAAA","k":"BBBB"}]})", KeyFormat::jwks},
        {R"({"keys":[{"kty":"oct","k":"AAAA","\u006b":"BBBB"}]})", KeyFormat::jwks},
        {"", KeyFormat::keyval},
        {"[]", KeyFormat::keyval},
        {"\"a\"", KeyFormat::keyval},
        {R"({"a":"x","a":"y"})", KeyFormat::keyval},
        {"-----BEGIN PUBLIC KEY-----", KeyFormat::keyval},
    }};
    for (const Row& row : kRows) {
        expect_error(error_of(parse(row.text, row.format).set), Error::key_set_not_json, row.text);
    }
}

void an_empty_set_is_a_set(void**) {
    for (const auto& [text, format] : {std::pair{R"({"keys":[]})", KeyFormat::jwks},
                                       {R"({"a":1,"keys":[],"z":{}})", KeyFormat::jwks},
                                       {"{}", KeyFormat::keyval}}) {
        const Parsed parsed = parse(text, format);
        expect_error(error_of(parsed.set), Error::none, text);
        expect(parsed.set->keys().empty() && parsed.notes.empty(), text, "nothing in it");
        expect(parsed.set->with_kid("").empty() && parsed.set->without_kid().empty(), text,
               "nothing found");
    }
    assert_true(KeySet().keys().empty());
}

void limits_are_held(void**) {
    const std::string two = jwks({secret_jwk('a'), secret_jwk('b')});
    const auto error = [&](const KeyLimits& limits) {
        return error_of(parse(two, KeyFormat::jwks, limits).set);
    };
    expect_error(error({.bytes = two.size()}), Error::none, "bytes");
    expect_error(error({.bytes = two.size() - 1}), Error::key_set_too_large, "bytes");
    expect_error(error({.keys = 2}), Error::none, "keys");
    expect_error(error({.keys = 1}), Error::too_many_keys, "keys");
    expect_error(error({.depth = 3}), Error::none, "depth");
    expect_error(error({.depth = 2}), Error::key_set_not_json, "depth");

    // Keys of no use are counted, too: to look at them costs the same.
    const KeyLimits one{.keys = 1};
    expect_error(error_of(parse(R"({"keys":[{},{}]})", KeyFormat::jwks, one).set),
                 Error::too_many_keys, "unusable keys");
    expect_error(error_of(parse(R"({"a":1,"b":2})", KeyFormat::keyval, one).set),
                 Error::too_many_keys, "keyval");
    const std::string large(1 << 21, ' ');
    expect_error(error_of(parse(large).set), Error::key_set_too_large, "default");
    expect_error(error_of(parse(large, KeyFormat::keyval).set), Error::key_set_too_large,
                 "default");
}

void bad_keys_are_skipped_with_a_note(void**) {
    const Parsed parsed = parse(jwks({
        R"({"kty":"RSA","n":"AQAB","e":"AQAB","kid":"weak"})",
        secret_jwk('a', with_kid("good")),
        R"({"kty":"oct","k":"!"})",
        R"(["kty"])",
        R"({"kty":"AKP","kid":"quantum"})",
        R"({"kty":"oct","k":"","kid":"empty"})",
        R"({"kty":"oct","k":"c2hvcnQ","kid":"short"})",
        R"({"kty":"oct","k":"AAAA","kid":7})",
        R"({"kty":"oct","k":"AAAA","kid":"es","alg":"ES256"})",
    }));
    assert_true(parsed.set.ok());
    assert_int_equal(parsed.set->keys().size(), 2);
    struct Expected {
        std::size_t position;
        std::string_view kid;
        Error reason;
        bool skipped;
    };
    constexpr std::array<Expected, 8> kExpected{{
        {1, "weak", Error::key_too_weak, true},
        {3, "", Error::key_member_invalid, true},
        {4, "", Error::key_member_invalid, true},
        {5, "quantum", Error::key_type_unsupported, true},
        {6, "empty", Error::secret_empty, true},
        {7, "short", Error::key_too_weak, false},
        {8, "", Error::key_member_invalid, true},
        {9, "es", Error::key_algorithm_mismatch, true},
    }};
    assert_int_equal(parsed.notes.size(), kExpected.size());
    for (std::size_t i = 0; i < kExpected.size(); ++i) {
        const KeyNote& note = parsed.notes[i];
        const std::string row = "note " + std::to_string(i);
        expect(note.position == kExpected[i].position, row, "position");
        expect_text(note.kid, kExpected[i].kid, row);
        expect_error(note.reason, kExpected[i].reason, row);
        expect(note.skipped == kExpected[i].skipped, row, "skipped");
    }
}

void keys_for_encryption_are_left_out(void**) {
    const Parsed parsed = parse(jwks({
        R"({"kty":"RSA","use":"enc","n":"!"})",
        R"({"kty":"RSA","alg":"RSA-OAEP","n":"AQAB"})",
        R"({"kty":"oct","key_ops":["wrapKey"],"k":""})",
        secret_jwk('a'),
    }));
    assert_int_equal(parsed.set->keys().size(), 1);
    constexpr std::array<std::string_view, 3> kWords{
        "key 1 left out: key is not for verifying signatures: \"use\" is not \"sig\"",
        "key 2 left out: key is not for verifying signatures: \"alg\" is one for encryption",
        "key 3 left out: key is not for verifying signatures: \"key_ops\" is without \"verify\"",
    };
    assert_int_equal(parsed.notes.size(), kWords.size());
    for (std::size_t i = 0; i < kWords.size(); ++i) {
        expect_text(describe(parsed.notes[i]), kWords[i], "left out");
    }
}

// What is noted ends up in a log.
void noted_kids_are_printable_and_short(void**) {
    const std::string kid = R"(a\nb\u001b[0m\u007f)" + std::string(1000, 'x');
    const Parsed parsed = parse(jwks({R"({"kty":"oct","k":"!")" + with_kid(kid) + '}'}));
    assert_int_equal(parsed.notes.size(), 1);
    assert_true(parsed.notes[0].kid.size() <= 100);
    expect(parsed.notes[0].kid.starts_with("a?b?[0m?xxx"), parsed.notes[0].kid, "printable");
}

void notes_have_words(void**) {
    expect_text(describe(KeyNote{2, "a kid", Error::key_too_weak, true}),
                "key 2 \"a kid\" skipped: key is too short", "skipped");
    expect_text(describe(KeyNote{11, "", Error::key_too_weak, false}), "key 11: key is too short",
                "used");
}

void fingerprints_tell_texts_apart(void**) {
    const auto abc = fingerprint_of("abc");  // FIPS 180-2 B.1
    assert_true(abc &&
                std::string(abc->begin(), abc->end()) ==
                    unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    assert_true(fingerprint_of("") && fingerprint_of("") != fingerprint_of("\0"sv));
    bool wrong = false;
    for_each_failing_allocation([&] {
        const auto again = fingerprint_of("abc");
        wrong |= again && again != abc;
    });
    assert_false(wrong);
}

void keys_are_found_by_kid(void**) {
    const Parsed parsed = parse(jwks({
        secret_jwk('e', with_kid("two")),
        secret_jwk('b', with_kid("one")),
        secret_jwk('a'),
        secret_jwk('c', with_kid("two")),
        secret_jwk('d', with_kid("")),
    }));
    assert_true(parsed.notes.empty());
    const KeySet& set = *parsed.set;
    assert_int_equal(set.keys().size(), 5);
    assert_string_equal(octets_of(set.with_kid("one")).c_str(), "b");
    assert_string_equal(octets_of(set.with_kid("two")).c_str(), "ec");  // as in the text
    assert_string_equal(octets_of(set.with_kid("")).c_str(), "d");      // not those without one
    assert_string_equal(octets_of(set.without_kid()).c_str(), "a");
    for (const std::string_view kid :
         {"on"sv, "onee"sv, "ONE"sv, "one\0"sv, "a"sv, "z"sv, "\xff"sv}) {
        expect(set.with_kid(kid).empty(), kid, "unknown");
    }
}

void a_keyval_set_maps_kids_to_pem(void**) {
    const std::string text = "{\"es\":" + quoted(pem::kP256) + ",\"\":" + quoted(pem::kEd25519) +
                             ",\"cert\":" + quoted(pem::kCertificate) + ",\"bad\":\"garbage\"" +
                             ",\"number\":1,\"weak\":" + quoted(pem::kRsa1024) +
                             ",\"private\":" + quoted(pem::kP256Private) + "}";
    const Parsed parsed = parse(text, KeyFormat::keyval);
    assert_true(parsed.set.ok());
    const KeySet& set = *parsed.set;
    assert_int_equal(set.keys().size(), 3);
    assert_true(set.without_kid().empty());
    assert_int_equal(set.with_kid("es").size(), 1);
    assert_int_equal(set.with_kid("es")[0].type(), KeyType::p256);
    assert_int_equal(set.with_kid("")[0].type(), KeyType::ed25519);
    assert_int_equal(set.with_kid("cert")[0].type(), KeyType::rsa);
    struct Expected {
        std::size_t position;
        std::string_view kid;
        Error reason;
    };
    constexpr std::array<Expected, 4> kExpected{{{4, "bad", Error::key_invalid},
                                                 {5, "number", Error::key_member_invalid},
                                                 {6, "weak", Error::key_too_weak},
                                                 {7, "private", Error::key_invalid}}};
    assert_int_equal(parsed.notes.size(), kExpected.size());
    for (std::size_t i = 0; i < kExpected.size(); ++i) {
        expect_text(parsed.notes[i].kid, kExpected[i].kid, "keyval");
        expect(parsed.notes[i].position == kExpected[i].position, kExpected[i].kid, "position");
        expect_error(parsed.notes[i].reason, kExpected[i].reason, kExpected[i].kid);
        expect(parsed.notes[i].skipped, kExpected[i].kid, "skipped");
    }
}

void pem_is_one_key_after_the_other(void**) {
    const std::string text = "comment\r\n" + std::string(pem::kRsa) + "\n" +
                             std::string(pem::kP256Private) + std::string(pem::kEd25519) +
                             "-----BEGIN PUBLIC KEY-----\nAAAA\n" + std::string(pem::kCertificate);
    const Parsed parsed = parse(text, KeyFormat::pem);
    assert_true(parsed.set.ok());
    assert_int_equal(parsed.set->keys().size(), 3);
    assert_int_equal(parsed.set->without_kid().size(), 3);
    assert_int_equal(parsed.set->keys()[0].type(), KeyType::rsa);
    assert_int_equal(parsed.set->keys()[1].type(), KeyType::ed25519);
    assert_int_equal(parsed.notes.size(), 2);
    expect_text(describe(parsed.notes[0]),
                "key 2 skipped: key is not valid: it is a private key; give its public key", "pem");
    expect_text(describe(parsed.notes[1]), "key 4 skipped: key is not valid", "without an end");
    for (const std::string_view none : {""sv, "-----"sv, "{\"keys\":[]}"sv, "\0\x30"sv}) {
        expect_error(error_of(parse(none, KeyFormat::pem).set), Error::key_set_not_pem, none);
    }
    expect_error(error_of(parse(text, KeyFormat::pem, {.keys = 4}).set), Error::too_many_keys,
                 "limit");
}

void each_format_is_itself(void**) {
    // A JWKS read as keyval has one entry that is no PEM; keyval read as JWKS is no set.
    const Parsed parsed = parse(jwks({secret_jwk('a')}), KeyFormat::keyval);
    assert_true(parsed.set.ok());
    assert_true(parsed.set->keys().empty());
    assert_int_equal(parsed.notes.size(), 1);
    const std::string keyval = "{\"a\":" + quoted(pem::kP256) + "}";
    expect_error(error_of(parse(keyval).set), Error::key_set_not_json, "keyval as JWKS");
}

void a_secret_alone_is_a_set(void**) {
    const auto set = KeySet::of_secret(std::string(64, 'a'));
    assert_string_equal(octets_of(set->without_kid()).c_str(), "a");
    assert_true(set->with_kid("").empty());
    expect_error(error_of(KeySet::of_secret("")), Error::secret_empty, "empty");
    expect_error(error_of(KeySet::of_secret(std::string(pem::kRsa))), Error::secret_is_pem, "PEM");
}

// A key does not vanish without a word because memory ran out.
void reports_that_memory_ran_out(void**) {
    const std::string text = jwks({
        secret_jwk('a', with_kid("a kid that is longer than a short string")),
        secret_jwk('b'),
        R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
    });
    bool lost = false;
    for_each_failing_allocation([&] {
        const Parsed parsed = parse(text);
        if (parsed.set) {
            lost |= parsed.set->keys().size() + parsed.notes.size() != 3;
        }
    });
    assert_false(lost);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_are_no_key_set_are_refused),
        cmocka_unit_test(an_empty_set_is_a_set),
        cmocka_unit_test(limits_are_held),
        cmocka_unit_test(bad_keys_are_skipped_with_a_note),
        cmocka_unit_test(keys_for_encryption_are_left_out),
        cmocka_unit_test(noted_kids_are_printable_and_short),
        cmocka_unit_test(notes_have_words),
        cmocka_unit_test(fingerprints_tell_texts_apart),
        cmocka_unit_test(keys_are_found_by_kid),
        cmocka_unit_test(a_keyval_set_maps_kids_to_pem),
        cmocka_unit_test(pem_is_one_key_after_the_other),
        cmocka_unit_test(each_format_is_itself),
        cmocka_unit_test(a_secret_alone_is_a_set),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
