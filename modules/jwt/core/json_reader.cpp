#include "jwt/core/json_reader.hpp"

#include <algorithm>

namespace gatehouse::jwt {
namespace {

// Digits of an integer that certainly fits into 64 bits.
constexpr std::size_t kSafeDigits = 18;

// jansson's own limit: beyond it the stack would not last.
constexpr std::size_t kMaxDepth = 2048;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// The rare and difficult scalars.
Json by_jansson(std::string_view literal) {
    json_error_t error;
    return Json(json_loadb(literal.data(), literal.size(), JSON_DECODE_ANY, &error));
}

bool is_short_integer(std::string_view number) noexcept {
    if (number.empty() || number.size() > kSafeDigits ||
        (number.front() == '0' && number.size() > 1)) {
        return false;
    }
    for (const char c : number) {
        if (!is_digit(c)) {
            return false;
        }
    }
    return true;
}

}  // namespace

Json JsonReader::read() {
    Json value = read_value(0);
    skip_blanks();
    return rest_.empty() ? value : Json();
}

void JsonReader::skip_blanks() noexcept {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n' ||
                              rest_.front() == '\r' || rest_.front() == '\t')) {
        rest_.remove_prefix(1);
    }
}

bool JsonReader::take(char c) noexcept {
    skip_blanks();
    if (!rest_.starts_with(c)) {
        return false;
    }
    rest_.remove_prefix(1);
    return true;
}

bool JsonReader::may_open(std::size_t depth) noexcept {
    return depth <= std::min(limits_.depth, kMaxDepth) && count_member();
}

Json JsonReader::read_value(std::size_t depth) {
    skip_blanks();
    if (rest_.empty()) {
        return Json();
    }
    switch (rest_.front()) {
    case '{':
        return read_object(depth + 1);
    case '[':
        return read_array(depth + 1);
    case '"':
        return read_string();
    case 't':
        return read_word("true", json_true());
    case 'f':
        return read_word("false", json_false());
    case 'n':
        return read_word("null", json_null());
    default:
        return read_number();
    }
}

Json JsonReader::read_object(std::size_t depth) {
    rest_.remove_prefix(1);
    Json object(json_object());
    if (!may_open(depth) || !object) {
        return Json();
    }
    if (take('}')) {
        return object;
    }
    while (read_member(object.get_mutable(), depth)) {
        if (take('}')) {
            return object;
        }
        if (!take(',') || !count_member()) {
            break;
        }
    }
    return Json();
}

bool JsonReader::read_member(json_t* object, std::size_t depth) {
    skip_blanks();
    bool plain = false;
    const std::string_view literal = take_string(plain);
    if (literal.empty()) {
        return false;
    }
    Json decoded;
    std::string_view name = literal.substr(1, literal.size() - 2);
    if (!plain) {
        decoded = by_jansson(literal);
        const auto text = string_of(decoded.get());
        if (!text) {
            return false;
        }
        name = *text;
    }
    // Duplicates are refused (RFC 7515 section 4, RFC 7519 section 4).
    if (member(object, name) != nullptr || !take(':')) {
        return false;
    }
    Json value = read_value(depth);
    return value &&
           json_object_setn_new_nocheck(object, name.data(), name.size(), value.release()) == 0;
}

Json JsonReader::read_array(std::size_t depth) {
    rest_.remove_prefix(1);
    Json array(json_array());
    if (!may_open(depth) || !array) {
        return Json();
    }
    if (take(']')) {
        return array;
    }
    while (Json value = read_value(depth)) {
        if (json_array_append_new(array.get_mutable(), value.release()) != 0) {
            break;
        }
        if (take(']')) {
            return array;
        }
        if (!take(',') || !count_member()) {
            break;
        }
    }
    return Json();
}

std::string_view JsonReader::take_string(bool& plain) noexcept {
    plain = true;
    if (!rest_.starts_with('"')) {
        return {};
    }
    std::size_t end = 1;
    for (; end < rest_.size() && rest_[end] != '"'; ++end) {
        const auto octet = static_cast<unsigned char>(rest_[end]);
        if (octet < 0x20) {
            return {};  // jansson would skip a NUL
        }
        plain = plain && octet < 0x80 && octet != '\\';
        end += octet == '\\' ? 1 : 0;
    }
    if (end >= rest_.size()) {
        return {};
    }
    const std::string_view literal = rest_.substr(0, end + 1);
    rest_.remove_prefix(literal.size());
    return literal;
}

Json JsonReader::read_string() {
    bool plain = false;
    const std::string_view literal = take_string(plain);
    if (literal.empty()) {
        return Json();
    }
    return plain ? Json(json_stringn_nocheck(literal.data() + 1, literal.size() - 2))
                 : by_jansson(literal);
}

Json JsonReader::read_number() {
    const std::string_view literal = rest_.substr(0, rest_.find_first_not_of("0123456789+-.eE"));
    rest_.remove_prefix(literal.size());
    if (!is_short_integer(literal)) {
        return by_jansson(literal);
    }
    json_int_t value = 0;
    for (const char c : literal) {
        value = value * 10 + (c - '0');
    }
    return Json(json_integer(value));
}

Json JsonReader::read_word(std::string_view word, json_t* value) {
    if (!rest_.starts_with(word)) {
        return Json();
    }
    rest_.remove_prefix(word.size());
    return Json(value);
}

}  // namespace gatehouse::jwt
