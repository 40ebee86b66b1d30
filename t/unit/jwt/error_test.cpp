#include "jwt/core/error.hpp"

#include <set>
#include <string_view>

#include "expect.hpp"

namespace {

using namespace gatehouse::jwt;
using namespace gatehouse::test;

// One line of a log tells one reason: no two share their words.
void every_error_has_words_of_its_own(void**) {
    std::set<std::string_view> seen;
    for (int i = 0; i <= static_cast<int>(Error::internal); ++i) {
        const std::string_view words = describe(static_cast<Error>(i));
        expect(!words.empty() && words != "unknown error", words, "words");
        expect(seen.insert(words).second, words, "its own");
        expect(words.find_first_of("\r\n.") == words.npos, words, "part of a line");
    }
}

// Configurations compare with them: a word that is there stays.
void every_error_has_one_of_the_words(void**) {
    const std::set<std::string_view> words{
        "missing",     "ambiguous", "malformed", "algorithm",     "type",
        "unknown_key", "signature", "expired",   "not_yet_valid", "lifetime",
        "issuer",      "audience",  "scope",     "claim",         "header",
        "requirement", "revoked",   "keys",      "internal"};
    std::set<std::string_view> said;
    for (int i = 1; i <= static_cast<int>(Error::internal); ++i) {
        said.insert(word_for(static_cast<Error>(i)));
    }
    assert_true(said == words);
    assert_true(word_for(Error::none).empty());
}

void findings_say_what_they_are_about(void**) {
    expect_text(describe(Finding(Error::claim_missing, quoted("jti"))),
                "required claim is missing: \"jti\"", "with a name");
    expect_text(describe(Finding(Error::expired)), "token is expired", "without");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_words_of_its_own),
        cmocka_unit_test(every_error_has_one_of_the_words),
        cmocka_unit_test(findings_say_what_they_are_about),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
