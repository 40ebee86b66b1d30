#include "waf/tool/patterns.hpp"

#include <algorithm>
#include <cctype>

namespace gatehouse::waf::tool {
namespace {

constexpr std::string_view kIndex = "array_";
constexpr std::size_t kMinHexadecimal = 16;  // shorter ones may be words

constexpr std::string_view kEnd = "\\z";  // "$" is also in front of a line end

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_hexadecimal(char c) noexcept { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

bool all(std::string_view text, bool (*is)(char)) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), is);
}

// 8-4-4-4-12 (RFC 9562 section 4)
bool is_uuid(std::string_view text) noexcept {
    constexpr std::size_t kSize = 36;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_hyphen ? text[i] != '-' : !is_hexadecimal(text[i])) {
            return false;
        }
    }
    return text.size() == kSize;
}

// What is no letter or digit is a number, so that neither SecLang nor the expression gives it a
// meaning.
void append_literal(std::string& out, std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (std::isalnum(octet) != 0 || c == '_' || c == '-') {
            out += c;
        } else {
            out += "\\x";
            out += kDigits[octet >> 4U];
            out += kDigits[octet & 15U];
        }
    }
}

void append_segment(std::string& out, std::string_view segment) {
    if (all(segment, is_digit)) {
        out += "[0-9]+";
    } else if (is_uuid(segment)) {
        out += "[0-9a-fA-F-]{36}";
    } else if (segment.size() >= kMinHexadecimal && all(segment, is_hexadecimal)) {
        out += "[0-9a-fA-F]+";
    } else {
        append_literal(out, segment);
    }
}

// The digits behind a "array_" that begins a part of the name; npos: there is none.
std::size_t find_index(std::string_view name) noexcept {
    for (std::size_t at = 0; (at = name.find(kIndex, at)) != name.npos; ++at) {
        const std::size_t digits = at + kIndex.size();
        const std::size_t end = std::min(name.find_first_not_of("0123456789", digits), name.size());
        if ((at == 0 || name[at - 1] == '.') && end > digits &&
            (end == name.size() || name[end] == '.')) {
            return digits;
        }
    }
    return name.npos;
}

}  // namespace

std::string path_pattern(std::string_view path) {
    std::string out = "^";
    while (!path.empty()) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        append_segment(out, path.substr(0, slash));
        out += slash < path.size() ? "/" : "";
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return out.append(kEnd);
}

bool has_index(std::string_view name) { return find_index(name) != name.npos; }

std::string name_pattern(std::string_view name) {
    std::string out = "(?-i)^";  // the library compiles it for either case
    for (std::size_t digits; (digits = find_index(name)) != name.npos;) {
        append_literal(out, name.substr(0, digits));
        out += "[0-9]+";
        name.remove_prefix(std::min(name.find_first_not_of("0123456789", digits), name.size()));
    }
    append_literal(out, name);
    return out.append(kEnd);
}

}  // namespace gatehouse::waf::tool
