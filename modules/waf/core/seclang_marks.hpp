#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace gatehouse::waf::seclang {

// Marks that editors and word processors put in place of what was typed, or before it.

inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

inline bool is_utf16(std::string_view text) noexcept {
    return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
}

// Whether the text begins with a quotation mark that is none of ASCII: in UTF-8, or as Windows has
// it in one octet.
inline bool starts_with_typographic_quote(std::string_view text) noexcept {
    constexpr std::array<std::string_view, 14> kQuotes{
        "\xe2\x80\x98", "\xe2\x80\x99", "\xe2\x80\x9a", "\xe2\x80\x9b", "\xe2\x80\x9c",
        "\xe2\x80\x9d", "\xe2\x80\x9e", "\xe2\x80\x9f", "\xc2\xab",     "\xc2\xbb",
        "\x91",         "\x92",         "\x93",         "\x94"};
    return std::any_of(kQuotes.begin(), kQuotes.end(),
                       [&](std::string_view quote) { return text.starts_with(quote); });
}

inline bool has_typographic_quote(std::string_view text) noexcept {
    while (!text.empty() && !starts_with_typographic_quote(text)) {
        text.remove_prefix(1);
    }
    return !text.empty();
}

}  // namespace gatehouse::waf::seclang
