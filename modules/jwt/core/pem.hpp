#pragma once

#include <string_view>
#include <vector>

namespace gatehouse::jwt {

// One `-----BEGIN type-----` to `-----END type-----` of a text (RFC 7468), lines included.
struct PemBlock {
    std::string_view type;  // as `PUBLIC KEY`
    std::string_view text;
};

bool is_pem(std::string_view text) noexcept;

// What is in the text, in its order; what stands between the blocks is a comment. A block without
// an end reaches up to the next one.
std::vector<PemBlock> pem_blocks(std::string_view text);

}  // namespace gatehouse::jwt
