#include "rate_limit/core/identity.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

namespace gatehouse::rate_limit {
namespace {

using namespace std::string_view_literals;

struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

// SHA-256 of parts that cannot be shifted into each other: each with its length before it.
class Digest {
  public:
    Digest() : context_(EVP_MD_CTX_new()) {
        check(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
    }

    void add(std::string_view part) {
        std::array<unsigned char, 8> size{};  // little-endian
        for (std::size_t i = 0; i < size.size(); ++i) {
            size[i] = static_cast<unsigned char>(std::uint64_t{part.size()} >> 8 * i);
        }
        check(EVP_DigestUpdate(context_.get(), size.data(), size.size()) == 1 &&
              EVP_DigestUpdate(context_.get(), part.data(), part.size()) == 1);
    }

    base::SipKey key() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        const bool done = EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1;
        const base::SipKey key{word(digest.data()), word(digest.data() + 8)};
        OPENSSL_cleanse(digest.data(), digest.size());
        check(done);
        return key;
    }

  private:
    // Of these functions, SHA-256 being there, nothing but memory can fail.
    static void check(bool ok) {
        if (!ok) {
            throw std::bad_alloc();
        }
    }

    static std::uint64_t word(const unsigned char* octets) noexcept {
        std::uint64_t value = 0;
        for (int i = 7; i >= 0; --i) {
            value = value << 8 | octets[i];
        }
        return value;
    }

    std::unique_ptr<EVP_MD_CTX, FreeDigest> context_;
};

void append_without_braces(std::string& out, std::string_view text) {
    for (const char c : text) {
        out += c == '{' || c == '}' ? '_' : c;
    }
}

}  // namespace

base::SipKey identity_key(std::string_view secret, std::string_view zone,
                          std::string_view expression) {
    Digest digest;
    for (const std::string_view part : {"gatehouse rate_limit"sv, secret, zone, expression}) {
        digest.add(part);
    }
    return digest.key();
}

std::string redis_key(std::string_view prefix, std::string_view zone, Algorithm algorithm,
                      const base::Hash128& hash) {
    const auto digits = base::to_hex(hash);
    std::string key;
    key.reserve(prefix.size() + zone.size() + 3 + digits.size());
    append_without_braces(key, prefix);
    append_without_braces(key, zone);
    key += algorithm == Algorithm::gcra ? ":g:" : ":s:";
    key.append(digits.data(), digits.size());
    return key;
}

}  // namespace gatehouse::rate_limit
