#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::base {

// base64url without padding (RFC 4648 section 5, RFC 7515 section 2), canonical form only: padding,
// white space, octets outside the alphabet, impossible lengths and non-zero trailing bits are all
// refused, so that a token has exactly one spelling. The empty string decodes to the empty string.
std::optional<std::string> decode_base64url(std::string_view text);

// Size of the decoded text, for callers that bring their own buffer. Meaningless for text that
// decode_base64url refuses.
constexpr std::size_t base64url_decoded_size(std::size_t encoded) noexcept {
    return encoded / 4 * 3 + (encoded % 4 == 0 ? 0 : encoded % 4 - 1);
}

// As decode_base64url, into `out`, which must have room for base64url_decoded_size(text.size()).
bool decode_base64url(std::string_view text, char* out) noexcept;

// The same with the padding of RFC 4648 section 3.2 or without it.
std::optional<std::string> decode_base64url_padded(std::string_view text);

// The text without its padding, if that is what belongs there: whole groups of four, the last of
// them filled up with one or two `=`. Otherwise the text as it is.
constexpr std::string_view without_padding(std::string_view text) noexcept {
    if (text.size() % 4 == 0) {
        for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) {
            text.remove_suffix(1);
        }
    }
    return text;
}

// base64 as people paste it into secret files: either alphabet (RFC 4648 sections 4 and 5), with or
// without padding; otherwise as strict as above.
std::optional<std::string> decode_base64_any(std::string_view text);

}  // namespace gatehouse::base
