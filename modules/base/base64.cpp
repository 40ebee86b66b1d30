#include "base/base64.hpp"

#include <array>
#include <cstdint>

namespace gatehouse::base {
namespace {

constexpr std::uint8_t kInvalid = 0xff;

using Alphabet = std::array<std::uint8_t, 256>;

constexpr Alphabet make_alphabet(bool url_safe, bool standard) {
    Alphabet table{};
    table.fill(kInvalid);
    for (unsigned i = 0; i < 26; ++i) {
        table['A' + i] = static_cast<std::uint8_t>(i);
        table['a' + i] = static_cast<std::uint8_t>(26 + i);
    }
    for (unsigned i = 0; i < 10; ++i) {
        table['0' + i] = static_cast<std::uint8_t>(52 + i);
    }
    if (url_safe) {
        table['-'] = 62;
        table['_'] = 63;
    }
    if (standard) {
        table['+'] = 62;
        table['/'] = 63;
    }
    return table;
}

constexpr Alphabet kUrlSafe = make_alphabet(true, false);
constexpr Alphabet kEither = make_alphabet(true, true);

bool decode(std::string_view text, const Alphabet& alphabet, char* out) noexcept {
    if (text.size() % 4 == 1) {
        return false;
    }
    const auto sextet = [&](std::size_t i) -> std::uint32_t {
        return alphabet[static_cast<unsigned char>(text[i])];
    };
    const auto octet = [](std::uint32_t value) { return static_cast<char>(value & 0xff); };

    std::size_t i = 0;
    // kInvalid has bits above the sixth, which no valid sextet has: one test at the end serves all.
    std::uint32_t seen = 0;
    for (; i + 4 <= text.size(); i += 4) {
        const std::uint32_t a = sextet(i), b = sextet(i + 1), c = sextet(i + 2), d = sextet(i + 3);
        seen |= a | b | c | d;
        const std::uint32_t bits = (a << 18) | (b << 12) | (c << 6) | d;
        *out++ = octet(bits >> 16);
        *out++ = octet(bits >> 8);
        *out++ = octet(bits);
    }
    if (i < text.size()) {
        const bool three = text.size() - i == 3;
        const std::uint32_t a = sextet(i), b = sextet(i + 1), c = three ? sextet(i + 2) : 0;
        seen |= a | b | c;
        const std::uint32_t bits = (a << 18) | (b << 12) | (c << 6);
        *out++ = octet(bits >> 16);
        if (three) {
            *out++ = octet(bits >> 8);
        }
        const std::uint32_t unused = three ? bits & 0xff : bits & 0xffff;
        if (unused != 0) {
            return false;
        }
    }
    return seen < 64;
}

std::optional<std::string> decode(std::string_view text, const Alphabet& alphabet) {
    std::string out(base64url_decoded_size(text.size()), '\0');
    if (!decode(text, alphabet, out.data())) {
        return std::nullopt;
    }
    return out;
}

}  // namespace

std::optional<std::string> decode_base64url(std::string_view text) {
    return decode(text, kUrlSafe);
}

bool decode_base64url(std::string_view text, char* out) noexcept {
    return decode(text, kUrlSafe, out);
}

std::optional<std::string> decode_base64url_padded(std::string_view text) {
    return decode(without_padding(text), kUrlSafe);
}

std::optional<std::string> decode_base64_any(std::string_view text) {
    return decode(without_padding(text), kEither);
}

}  // namespace gatehouse::base
