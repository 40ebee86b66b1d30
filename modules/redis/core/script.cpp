#include "redis/core/script.hpp"

#include <openssl/evp.h>

#include <array>
#include <new>

namespace gatehouse::redis {

Script::Script(std::string_view text) : text_(text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
        throw std::bad_alloc();
    }
    constexpr std::string_view kHex = "0123456789abcdef";
    sha_.reserve(std::size_t{2} * size);
    for (unsigned int i = 0; i < size; ++i) {
        sha_ += kHex[digest[i] >> 4];
        sha_ += kHex[digest[i] & 15];
    }
}

}  // namespace gatehouse::redis
