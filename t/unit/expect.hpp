#pragma once

#include <string_view>

#include "cmocka.hpp"
#include "jwt/core/error.hpp"
#include "jwt/core/json.hpp"

// Assertions that name the row of a table that they are about.

namespace gatehouse::test {

inline void expect(bool held, std::string_view row, std::string_view what) {
    if (!held) {
        print_error("%.*s: %.*s\n", static_cast<int>(row.size()), row.data(),
                    static_cast<int>(what.size()), what.data());
    }
    assert_true(held);
}

inline void expect_text(std::string_view actual, std::string_view expected, std::string_view row) {
    if (actual != expected) {
        print_error("got \"%.*s\"\n", static_cast<int>(actual.size()), actual.data());
    }
    expect(actual == expected, row, expected);
}

inline void expect_error(jwt::Error actual, jwt::Error expected, std::string_view row) {
    if (actual != expected) {
        const std::string_view got = jwt::describe(actual);
        print_error("got: %.*s\n", static_cast<int>(got.size()), got.data());
    }
    expect(actual == expected, row, jwt::describe(expected));
}

// The reason of a Result, or Error::none.
template <class T>
jwt::Error error_of(const jwt::Result<T>& result) {
    return result ? jwt::Error::none : result.error();
}

template <class T>
jwt::Error error_of(const base::Result<T, jwt::Finding>& result) {
    return result ? jwt::Error::none : result.error().error;
}

// The value of a JSON text that is part of a test.
inline jwt::Json json(std::string_view text) {
    auto value = jwt::parse_json(text, {});
    expect(value.has_value(), text, "a JSON text");
    return *value;
}

}  // namespace gatehouse::test
