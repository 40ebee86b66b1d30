#include "jwt/core/json.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "jwt/core/json_reader.hpp"

namespace gatehouse::jwt {
namespace {

template <class Number, class... Format>
void append_number(std::string& out, Number number, Format... format) {
    std::array<char, 32> buffer;
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format...).ptr;
    out.append(buffer.data(), end);
}

// From 2^63 on the digits alone would be read back as an integer, which does not fit.
void append_real(std::string& out, double number) {
    if (std::abs(number) >= 0x1p63) {
        append_number(out, number, std::chars_format::scientific);
    } else {
        append_number(out, number);
    }
}

void append_string(std::string& out, std::string_view text) {
    static constexpr std::string_view kHex = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (octet < 0x20) {
            out += "\\u00";
            out += kHex[octet >> 4];
            out += kHex[octet & 0xf];
        } else {
            out += c;
        }
    }
    out += '"';
}

void append_object(std::string& out, const json_t* value) {
    out += '{';
    bool first = true;
    // jansson's iterators take a non-const object but do not change it.
    auto* const object = const_cast<json_t*>(value);
    for (void* it = json_object_iter(object); it != nullptr;
         it = json_object_iter_next(object, it)) {
        if (!std::exchange(first, false)) {
            out += ',';
        }
        append_string(out, {json_object_iter_key(it), json_object_iter_key_len(it)});
        out += ':';
        append_json(out, json_object_iter_value(it));
    }
    out += '}';
}

template <class Append>
void append_elements(std::string& out, const json_t* array, Append append) {
    for (std::size_t i = 0; i < json_array_size(array); ++i) {
        if (i > 0) {
            out += ',';
        }
        append(out, json_array_get(array, i));
    }
}

bool equal_objects(const json_t* a, const json_t* b) noexcept {
    if (json_object_size(a) != json_object_size(b)) {
        return false;
    }
    auto* const object = const_cast<json_t*>(a);
    for (void* it = json_object_iter(object); it != nullptr;
         it = json_object_iter_next(object, it)) {
        const json_t* other =
            json_object_getn(b, json_object_iter_key(it), json_object_iter_key_len(it));
        if (other == nullptr || !equal(json_object_iter_value(it), other)) {
            return false;
        }
    }
    return true;
}

bool equal_arrays(const json_t* a, const json_t* b) noexcept {
    if (json_array_size(a) != json_array_size(b)) {
        return false;
    }
    for (std::size_t i = 0; i < json_array_size(a); ++i) {
        if (!equal(json_array_get(a, i), json_array_get(b, i))) {
            return false;
        }
    }
    return true;
}

// Converting the integer to double would round above 2^53; so the double is brought to the
// integers.
int compare_integer_real(json_int_t integer, double real) noexcept {
    constexpr double kLimit = 9223372036854775808.0;  // 2^63
    if (real >= kLimit) {
        return -1;
    }
    if (real < -kLimit) {
        return 1;
    }
    const auto whole = static_cast<json_int_t>(real);  // towards zero
    if (integer != whole) {
        return integer < whole ? -1 : 1;
    }
    const double fraction = real - static_cast<double>(whole);
    return fraction > 0 ? -1 : (fraction < 0 ? 1 : 0);
}

}  // namespace

std::optional<Json> parse_json(std::string_view text, const JsonLimits& limits) {
    Json value = JsonReader(text, limits).read();
    if (!value) {
        return std::nullopt;
    }
    return value;
}

std::optional<Json> parse_json_object(std::string_view text, const JsonLimits& limits) {
    auto value = parse_json(text, limits);
    if (value && !json_is_object(value->get())) {
        return std::nullopt;
    }
    return value;
}

const json_t* member(const json_t* object, std::string_view name) noexcept {
    return json_object_getn(object, name.data(), name.size());
}

std::optional<std::string_view> string_of(const json_t* value) noexcept {
    if (!json_is_string(value)) {
        return std::nullopt;
    }
    return std::string_view(json_string_value(value), json_string_length(value));
}

int compare_numbers(const json_t* a, const json_t* b) noexcept {
    if (json_is_integer(a) && json_is_integer(b)) {
        const json_int_t x = json_integer_value(a), y = json_integer_value(b);
        return x < y ? -1 : (x > y ? 1 : 0);
    }
    if (json_is_integer(a)) {
        return compare_integer_real(json_integer_value(a), json_real_value(b));
    }
    if (json_is_integer(b)) {
        return -compare_integer_real(json_integer_value(b), json_real_value(a));
    }
    const double x = json_real_value(a), y = json_real_value(b);
    return x < y ? -1 : (x > y ? 1 : 0);
}

bool equal(const json_t* a, const json_t* b) noexcept {
    if (json_is_number(a) && json_is_number(b)) {
        return compare_numbers(a, b) == 0;
    }
    if (json_typeof(a) != json_typeof(b)) {
        return false;
    }
    switch (json_typeof(a)) {
    case JSON_OBJECT:
        return equal_objects(a, b);
    case JSON_ARRAY:
        return equal_arrays(a, b);
    case JSON_STRING:
        return string_of(a) == string_of(b);
    default:
        return true;  // true, false and null are their own type in jansson
    }
}

void append_json(std::string& out, const json_t* value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        append_object(out, value);
        break;
    case JSON_ARRAY:
        out += '[';
        append_elements(out, value, append_json);
        out += ']';
        break;
    case JSON_STRING:
        append_string(out, *string_of(value));
        break;
    case JSON_INTEGER:
        append_number(out, json_integer_value(value));
        break;
    case JSON_REAL:
        append_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
        out += "true";
        break;
    case JSON_FALSE:
        out += "false";
        break;
    case JSON_NULL:
        out += "null";
        break;
    }
}

void append_text(std::string& out, const json_t* value) {
    switch (json_typeof(value)) {
    case JSON_STRING:
        out += *string_of(value);
        break;
    case JSON_ARRAY:
        append_elements(out, value, append_text);
        break;
    case JSON_NULL:
        break;
    default:
        append_json(out, value);
        break;
    }
}

std::string compact_json(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\' && i + 1 < text.size()) {
                out += c;
                out += text[++i];
                continue;
            }
            in_string = c != '"';
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            continue;
        } else {
            in_string = c == '"';
        }
        out += c;
    }
    return out;
}

}  // namespace gatehouse::jwt
