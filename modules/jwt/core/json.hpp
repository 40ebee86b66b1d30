#pragma once

#include <jansson.h>

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gatehouse::jwt {

// Owning reference to an immutable jansson value; jansson counts the references.
class Json {
  public:
    Json() noexcept = default;
    // Takes over the caller's reference; `owned` may be null.
    explicit Json(json_t* owned) noexcept : value_(owned) {}
    Json(const Json& other) noexcept : value_(json_incref(other.value_)) {}
    Json(Json&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
    Json& operator=(Json other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Json() { json_decref(value_); }

    // Null if nothing is held. Valid as long as this object, or another reference, lives.
    const json_t* get() const noexcept { return value_; }
    explicit operator bool() const noexcept { return value_ != nullptr; }

    // For building a value that nobody else holds yet.
    json_t* get_mutable() noexcept { return value_; }
    // Gives the reference to the caller.
    json_t* release() noexcept { return std::exchange(value_, nullptr); }

  private:
    json_t* value_ = nullptr;
};

// What a text may cost: reading and comparing recurse on nesting.
struct JsonLimits {
    std::size_t depth = 64;
    std::size_t members = 4096;  // object members and array elements, all levels together

    friend bool operator==(const JsonLimits&, const JsonLimits&) = default;

    static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();
};

// RFC 8259 with these refused: duplicate member names at any level (RFC 7515 section 4), \u0000 in
// strings, integers beyond 64 bits, numbers beyond double, anything over the limits, and invalid
// UTF-8. Nothing on refusal.
std::optional<Json> parse_json(std::string_view text, const JsonLimits& limits);

// The same, and the value must be an object.
std::optional<Json> parse_json_object(std::string_view text, const JsonLimits& limits);

// Member `name` of `object`; null if `object` is null or no object, or has no such member.
const json_t* member(const json_t* object, std::string_view name) noexcept;

// The content of a JSON string; nothing if `value` is null or no string.
std::optional<std::string_view> string_of(const json_t* value) noexcept;

// Deep equality of values. Unlike json_equal(), 1 and 1.0 are the same number.
bool equal(const json_t* a, const json_t* b) noexcept;

// -1, 0 or 1 for two JSON numbers, exact for integers. Requires both to be numbers.
int compare_numbers(const json_t* a, const json_t* b) noexcept;

// Compact JSON, members in their original order, numbers in a short form that reads back to the
// same value.
void append_json(std::string& out, const json_t* value);

// A value as nginx variables show it: strings bare, arrays as their elements joined by commas, null
// as nothing, everything else as JSON.
void append_text(std::string& out, const json_t* value);

// A valid JSON text without the white space between tokens, otherwise untouched.
std::string compact_json(std::string_view text);

}  // namespace gatehouse::jwt
