#include "rate_limit/core/identity.hpp"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

namespace gatehouse::rate_limit {
namespace {

using namespace std::string_view_literals;

// What addresses begin with, so that no text is ever taken for one, nor one kind for the other.
constexpr char kIpv4 = 4;
constexpr char kIpv6 = 6;
constexpr std::size_t kIpv4Octets = 4;
constexpr std::size_t kIpv6Octets = 16;

constexpr std::string_view kMapped = "\0\0\0\0\0\0\0\0\0\0\xff\xff"sv;  // RFC 4291 section 2.5.5.2

std::string_view ipv4(std::string_view octets, std::array<char, 17>& storage) noexcept {
    storage[0] = kIpv4;
    std::copy(octets.begin(), octets.end(), storage.begin() + 1);
    return {storage.data(), 1 + kIpv4Octets};
}

std::string_view ipv6(std::string_view octets, unsigned prefix,
                      std::array<char, 17>& storage) noexcept {
    if (octets.starts_with(kMapped)) {
        return ipv4(octets.substr(kMapped.size()), storage);
    }
    storage[0] = kIpv6;
    for (std::size_t i = 0; i < kIpv6Octets; ++i) {
        const auto bits = std::clamp<int>(
            static_cast<int>(std::min(prefix, 128U)) - static_cast<int>(8 * i), 0, 8);
        const auto mask = static_cast<unsigned char>(0xff00U >> bits);
        storage[1 + i] = static_cast<char>(static_cast<unsigned char>(octets[i]) & mask);
    }
    return {storage.data(), storage.size()};
}

// Octets of an address in text; empty if it is none.
std::string_view parse(std::string_view text, std::array<char, kIpv6Octets>& octets) noexcept {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() >= terminated.size() || text.find('\0') != text.npos) {
        return {};
    }
    std::copy(text.begin(), text.end(), terminated.begin());
    if (inet_pton(AF_INET, terminated.data(), octets.data()) == 1) {
        return {octets.data(), kIpv4Octets};
    }
    if (inet_pton(AF_INET6, terminated.data(), octets.data()) == 1) {
        return {octets.data(), kIpv6Octets};
    }
    return {};
}

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

std::string_view identity(KeyKind kind, std::string_view value, unsigned ipv6_prefix,
                          std::array<char, 17>& storage) noexcept {
    std::array<char, kIpv6Octets> parsed;
    std::string_view octets;
    // nginx gives out "unix:" for peers without an address, in $binary_remote_addr, too.
    if (kind != KeyKind::text && !value.starts_with("unix:")) {
        octets = kind == KeyKind::address ? parse(value, parsed) : value;
    }
    switch (octets.size()) {
    case kIpv4Octets:
        return ipv4(octets, storage);
    case kIpv6Octets:
        return ipv6(octets, ipv6_prefix, storage);
    default:
        return value;
    }
}

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
