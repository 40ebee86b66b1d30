#pragma once

#include <string_view>

#include "jwt/core/json.hpp"

namespace gatehouse::jwt {

// Reads a JSON text into jansson values. jansson's own lexer takes some 40 cycles for each octet,
// which would be the largest part of the cost of a token. So the structure, and what is plain
// (ASCII strings without escapes, short integers), is read here; every other string and number is
// handed to jansson as it stands, which alone judges escapes, UTF-8 and ranges. What is accepted,
// and the values, are the same as with json_loadb(JSON_REJECT_DUPLICATES | JSON_DECODE_ANY); t/fuzz
// compares the two. The limits are checked on the way.
class JsonReader {
  public:
    JsonReader(std::string_view text, const JsonLimits& limits) noexcept
        : rest_(text), limits_(limits) {}

    // The whole text as one value; null if it is refused or memory runs out.
    Json read();

  private:
    Json read_value(std::size_t depth);
    Json read_object(std::size_t depth);
    Json read_array(std::size_t depth);
    Json read_string();
    Json read_number();
    Json read_word(std::string_view word, json_t* value);
    bool read_member(json_t* object, std::size_t depth);

    // Takes a string literal off the text, quotes included; empty if it is none. `plain` tells
    // whether what is between the quotes is the string itself.
    std::string_view take_string(bool& plain) noexcept;
    bool take(char c) noexcept;
    void skip_blanks() noexcept;
    bool may_open(std::size_t depth) noexcept;
    bool count_member() noexcept { return ++members_ <= limits_.members; }

    std::string_view rest_;
    const JsonLimits& limits_;
    std::size_t members_ = 0;
};

}  // namespace gatehouse::jwt
