#include "base/base64.hpp"

#include <array>
#include <set>
#include <string>
#include <string_view>

#include "expect.hpp"
#include "jose.hpp"
#include "oom.hpp"

namespace {

using namespace gatehouse::test;
using namespace std::string_view_literals;
using gatehouse::base::base64url_decoded_size;
using gatehouse::base::decode_base64_any;
using gatehouse::base::decode_base64url;

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct Row {
    std::string_view encoded, decoded;
};

// RFC 4648 section 10, without padding, and what sets the URL-safe alphabet apart.
constexpr std::array<Row, 10> kExamples{{
    {"", ""},
    {"Zg", "f"},
    {"Zm8", "fo"},
    {"Zm9v", "foo"},
    {"Zm9vYg", "foob"},
    {"Zm9vYmE", "fooba"},
    {"Zm9vYmFy", "foobar"},
    {"-_-_", "\xfb\xff\xbf"},
    {"AAAA", "\0\0\0"sv},
    {"_w", "\xff"},
}};

void decodes_examples(void**) {
    for (const Row& row : kExamples) {
        const auto decoded = decode_base64url(row.encoded);
        expect(decoded == row.decoded, row.encoded, "decoded");
        expect(base64url_decoded_size(row.encoded.size()) == row.decoded.size(), row.encoded,
               "size");
    }
}

void padding_is_whole_or_none(void**) {
    for (const auto& [encoded, decoded] : {std::pair{"Zg"sv, "f"sv},
                                           {"Zg==", "f"},
                                           {"Zm8", "fo"},
                                           {"Zm8=", "fo"},
                                           {"Zm9v", "foo"},
                                           {"", ""}}) {
        expect(gatehouse::base::decode_base64url_padded(encoded) == decoded, encoded, "decoded");
    }
    for (const std::string_view encoded : {"Zg=", "Zg===", "Zm8==", "Zm9v=", "Zm9v====", "=", "==",
                                           "====", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "+w=="}) {
        expect(!gatehouse::base::decode_base64url_padded(encoded), encoded, "refused");
    }
}

void decodes_every_octet_at_every_place(void**) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        bytes += static_cast<char>(i);
        for (std::size_t skipped = 0; skipped < 3 && skipped < bytes.size(); ++skipped) {
            const std::string part = bytes.substr(skipped);
            expect(decode_base64url(base64url(part)) == part, base64url(part), "round trip");
        }
    }
}

void refuses_what_is_not_canonical(void**) {
    constexpr std::array kRefused{
        "A"sv,      "AAAAA"sv,    "="sv,         "Zg=="sv,       "Zm8="sv,   "Zg="sv,
        "Zm9v="sv,  "Zm9v===="sv, " Zm9v"sv,     "Zm9v "sv,      "Zm\n9v"sv, "Zm9v\n"sv,
        "Zm9v\0"sv, "+/+/"sv,     "Zm9v.Zm9v"sv, "Zm\xc3\xa9"sv, "Zh"sv,     "Zv"sv,
        "Zm9"sv,    "Zm-"sv,      "Zm9vYh"sv,    "_x"sv,
    };
    for (const std::string_view text : kRefused) {
        expect(!decode_base64url(text), text, "refused");
    }
}

void refuses_every_octet_outside_the_alphabet(void**) {
    for (const std::string_view good : {"AAAA"sv, "AAAAAAAA"sv, "AAA"sv, "AA"sv}) {
        for (std::size_t place = 0; place < good.size(); ++place) {
            for (int octet = 0; octet < 256; ++octet) {
                const char c = static_cast<char>(octet);
                std::string text(good);
                text[place] = c;
                // The last sextet of an incomplete group has bits that must be zero.
                const bool last = good.size() % 4 != 0 && place + 1 == good.size();
                const std::size_t value = kAlphabet.find(c);
                const std::size_t unused = good.size() % 4 == 2 ? 0xf : 0x3;
                const bool canonical =
                    value != std::string_view::npos && (!last || (value & unused) == 0);
                expect(decode_base64url(text).has_value() == canonical, text, "alphabet");
            }
        }
    }
}

// A token has exactly one spelling: no two texts decode to the same octets, and all octets are
// reached.
void decodes_one_to_one(void**) {
    std::set<std::string> decoded;
    std::size_t accepted = 0;
    for (const char a : kAlphabet) {
        for (const char b : kAlphabet) {
            for (const char c : kAlphabet) {
                if (auto bytes = decode_base64url(std::string{a, b, c})) {
                    ++accepted;
                    decoded.insert(std::move(*bytes));
                }
            }
        }
    }
    assert_int_equal(accepted, 256 * 256);
    assert_int_equal(decoded.size(), accepted);
}

void writes_into_the_callers_buffer_and_no_further(void**) {
    for (const Row& row : kExamples) {
        std::string buffer(row.decoded.size() + 1, '#');
        expect(decode_base64url(row.encoded, buffer.data()), row.encoded, "decoded");
        expect_text(buffer, std::string(row.decoded) + '#', row.encoded);
    }
    std::array<char, 4> buffer{'#', '#', '#', '#'};
    assert_false(decode_base64url("Zg==", buffer.data()));
    assert_int_equal(buffer[3], '#');
}

void reads_pasted_base64(void**) {
    constexpr std::array<Row, 9> kAccepted{{
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zg", "f"},
        {"Zm8", "fo"},
        {"+/+/", "\xfb\xff\xbf"},
        {"-_-_", "\xfb\xff\xbf"},
        {"/w==", "\xff"},
    }};
    for (const Row& row : kAccepted) {
        expect(decode_base64_any(row.encoded) == row.decoded, row.encoded, "decoded");
    }
    constexpr std::array kRefused{
        "="sv,      "=="sv,       "==="sv,  "===="sv,   "Z==="sv,   "Zg="sv,
        "Zm9v=="sv, "Zm9v===="sv, "Zm=v"sv, "Zg==\n"sv, " Zg=="sv,  "Zh=="sv,
        "Zm9="sv,   "Zh"sv,       "Z"sv,    "Zm 9v"sv,  "Zg==Zg"sv, "Zg==Zg=="sv,
    };
    for (const std::string_view text : kRefused) {
        expect(!decode_base64_any(text), text, "refused");
    }
}

void reports_that_memory_ran_out(void**) {
    const std::string expected(100, 'x');
    const std::string encoded = base64url(expected);
    bool wrong = false;
    for_each_failing_allocation([&] {
        const auto decoded = decode_base64url(encoded);
        const auto pasted = decode_base64_any(encoded);
        wrong |= decoded != expected || pasted != expected;
    });
    assert_false(wrong);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(decodes_examples),
        cmocka_unit_test(padding_is_whole_or_none),
        cmocka_unit_test(decodes_every_octet_at_every_place),
        cmocka_unit_test(refuses_what_is_not_canonical),
        cmocka_unit_test(refuses_every_octet_outside_the_alphabet),
        cmocka_unit_test(decodes_one_to_one),
        cmocka_unit_test(writes_into_the_callers_buffer_and_no_further),
        cmocka_unit_test(reads_pasted_base64),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
