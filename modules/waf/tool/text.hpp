#pragma once

#include <string>
#include <string_view>

namespace gatehouse::waf::tool {

// Requests can hold anything, also what a terminal obeys or a comment does not survive: what is no
// printable ASCII becomes \xNN.
inline std::string printable(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet >= 0x20 && octet < 0x7f) {
            out += c;
            continue;
        }
        out += "\\x";
        out += kDigits[octet >> 4U];
        out += kDigits[octet & 15U];
    }
    return out;
}

// What may quote files, for a terminal: letters of any language stay, what it obeys does not.
inline std::string harmless(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        const auto octet = static_cast<unsigned char>(c);
        c = octet < 0x20 || octet == 0x7f ? '?' : c;
    }
    return out;
}

// Takes a line off the text, and its end, LF or CRLF, off the line.
inline std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

}  // namespace gatehouse::waf::tool
