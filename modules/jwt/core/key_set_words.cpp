// describe_refused(): what a text looks like that is no key set. People take one thing for another
// here, and "not JSON" does not help them.

#include <algorithm>
#include <array>

#include "jwt/core/key_set.hpp"
#include "jwt/core/pem.hpp"

namespace gatehouse::jwt {
namespace {

using namespace std::string_view_literals;

// UTF-8, UTF-16 and UTF-32 of either byte order.
constexpr std::array kByteOrderMarks{"\xef\xbb\xbf"sv, "\xff\xfe"sv, "\xfe\xff"sv,
                                     "\0\0\xfe\xff"sv};

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    return begin == text.npos ? std::string_view() : text.substr(begin);
}

// jansson's own message quotes the text: the place alone is told.
std::string syntax_of(std::string_view text) {
    json_error_t error;
    if (const Json lenient(json_loadb(text.data(), text.size(), JSON_DECODE_ANY, &error));
        lenient) {
        return "a member is there twice";
    }
    if (json_error_code(&error) == json_error_stack_overflow) {
        return "it is nested too deeply";
    }
    return "it is not valid JSON (line " + std::to_string(error.line) + ", column " +
           std::to_string(error.column) + ")";
}

bool maps_to_pem(const json_t* root) {
    auto* const object = const_cast<json_t*>(root);  // iterating does not change it
    for (void* it = json_object_iter(object); it != nullptr;
         it = json_object_iter_next(object, it)) {
        if (is_pem(string_of(json_object_iter_value(it)).value_or(""))) {
            return true;
        }
    }
    return false;
}

std::string_view look_of_json(const json_t* root) {
    if (json_is_array(root)) {
        return "it is an array, which belongs into {\"keys\": ...}";
    }
    if (!json_is_object(root)) {
        return "it is not a JSON object";
    }
    if (const json_t* keys = member(root, "keys")) {
        return json_is_array(keys) ? "it is nested more deeply than auth_jwt_limits allows"
                                   : "\"keys\" is not an array";
    }
    if (member(root, "kty") != nullptr) {
        return "it is a single JWK, which belongs into {\"keys\": [...]}";
    }
    if (member(root, "jwks_uri") != nullptr) {
        return "it is a discovery document; the key set is what its \"jwks_uri\" names";
    }
    return maps_to_pem(root) ? "it maps key IDs to PEM; use the \"keyval\" parameter"
                             : "it has no \"keys\"";
}

std::string look_of(std::string_view text, KeyFormat format) {
    const std::string_view start = trimmed(text);
    if (start.empty()) {
        return "it is empty";
    }
    for (const std::string_view mark : kByteOrderMarks) {
        if (text.starts_with(mark)) {
            return "it begins with a byte order mark; save it as UTF-8 without one";
        }
    }
    const bool is_bracket = start.front() == '{' || start.front() == '[';
    if (format == KeyFormat::pem) {
        return is_bracket ? "it is JSON; leave out the \"pem\" parameter"
                          : "it has no line \"-----BEGIN ...-----\"";
    }
    if (!is_bracket && is_pem(text)) {
        return "it is PEM; use the \"pem\" parameter";
    }
    if (start.front() == '<') {
        return "it is HTML or XML";
    }
    const auto root = parse_json(text, {JsonLimits::kUnlimited, JsonLimits::kUnlimited});
    if (!root) {
        return syntax_of(text);
    }
    return format == KeyFormat::jwks ? std::string(look_of_json(root->get()))
                                     : "it is not an object of key IDs and PEM";
}

}  // namespace

std::string describe_refused(Error error, std::string_view text, KeyFormat format) {
    const bool is_other = error == Error::key_set_not_json || error == Error::key_set_not_pem;
    return describe(Finding(error, is_other ? look_of(text, format) : std::string()));
}

}  // namespace gatehouse::jwt
