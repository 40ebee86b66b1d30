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

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_words_of_its_own),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
