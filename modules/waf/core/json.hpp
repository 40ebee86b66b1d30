#pragma once

#include <jansson.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace gatehouse::waf {

// jansson's values as the event log and the tool use them: they write, and the tool reads what
// libmodsecurity wrote. What cannot be allocated is std::bad_alloc.
class Json {
  public:
    Json() noexcept = default;
    explicit Json(json_t* owned) noexcept : value_(owned) {}
    Json(Json&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
    Json& operator=(Json&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Json() { json_decref(value_); }

    static Json object() { return made(json_object()); }
    static Json array() { return made(json_array()); }
    static Json number(std::int64_t value) { return made(json_integer(value)); }
    static Json boolean(bool value) { return made(json_boolean(value)); }

    // Octets that are no UTF-8, as requests may hold, become question marks.
    static Json string(std::string_view text) {
        json_t* value = json_stringn(text.data(), text.size());
        if (value == nullptr) {
            std::string ascii(text);
            for (char& c : ascii) {
                c = static_cast<unsigned char>(c) < 0x80 ? c : '?';
            }
            value = json_stringn(ascii.data(), ascii.size());
        }
        return made(value);
    }

    Json& set(const char* name, Json value) {
        check(json_object_set_new(value_, name, value.release()));
        return *this;
    }
    Json& set(const char* name, std::string_view text) { return set(name, string(text)); }
    Json& append(Json value) {
        check(json_array_append_new(value_, value.release()));
        return *this;
    }

    // A line, or several.
    std::string dump(std::size_t flags = JSON_INDENT(2)) const {
        const std::unique_ptr<char, decltype(&std::free)> text(json_dumps(value_, flags),
                                                               std::free);
        check(text == nullptr ? -1 : 0);
        return std::string(text.get()) + '\n';
    }

    const json_t* get() const noexcept { return value_; }
    explicit operator bool() const noexcept { return value_ != nullptr; }

  private:
    static Json made(json_t* value) {
        check(value == nullptr ? -1 : 0);
        return Json(value);
    }
    static void check(int result) {
        if (result != 0) {
            throw std::bad_alloc();
        }
    }
    json_t* release() noexcept { return std::exchange(value_, nullptr); }

    json_t* value_ = nullptr;
};

// Empty if it is no string.
inline std::string_view text_of(const json_t* value) noexcept {
    return json_is_string(value)
               ? std::string_view(json_string_value(value), json_string_length(value))
               : std::string_view();
}

}  // namespace gatehouse::waf
