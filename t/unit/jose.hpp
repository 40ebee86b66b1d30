#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

// What it takes to write a token (RFC 7515 section 7.1), and octets that a standard prints. The
// cores only read.

namespace gatehouse::test {

// base64url without padding.
inline std::string base64url(std::string_view bytes) {
    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    unsigned bits = 0;
    int held = 0;
    for (const char c : bytes) {
        bits = (bits << 8 | static_cast<unsigned char>(c)) & 0xffff;
        for (held += 8; held >= 6; held -= 6) {
            out += kAlphabet[bits >> (held - 6) & 0x3f];
        }
    }
    if (held > 0) {
        out += kAlphabet[bits << (6 - held) & 0x3f];
    }
    return out;
}

// The octets of a hexadecimal text.
inline std::string unhex(std::string_view text) {
    std::string bytes(text.size() / 2, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        unsigned value = 0;
        const char* digits = text.data() + 2 * i;
        std::from_chars(digits, digits + 2, value, 16);
        bytes[i] = static_cast<char>(value);
    }
    return bytes;
}

inline std::string hmac_sha256(std::string_view secret, std::string_view input) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> tag{};
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(input.data()), input.size(), tag.data(), &size);
    return {reinterpret_cast<const char*>(tag.data()), size};
}

// A compact JWS whose signature is given.
inline std::string compact_jws(std::string_view header, std::string_view payload,
                               std::string_view signature) {
    return base64url(header) + '.' + base64url(payload) + '.' + base64url(signature);
}

// A compact JWS signed with HS256, whatever its header says.
inline std::string hs256_jws(std::string_view header, std::string_view payload,
                             std::string_view secret) {
    const std::string input = base64url(header) + '.' + base64url(payload);
    return input + '.' + base64url(hmac_sha256(secret, input));
}

}  // namespace gatehouse::test
