#include "base/siphash.hpp"

#include <bit>
#include <cstddef>
#include <cstring>

namespace gatehouse::base {
namespace {

constexpr std::uint64_t little_endian(std::uint64_t word) noexcept {
    if constexpr (std::endian::native == std::endian::big) {
        return __builtin_bswap64(word);
    }
    return word;
}

std::uint64_t load(const char* bytes) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    return little_endian(word);
}

// The last 0 to 7 octets, the first of them lowest, below the length.
std::uint64_t load_tail(const char* bytes, std::size_t length) noexcept {
    std::uint64_t word = static_cast<std::uint64_t>(length) << 56;
    for (std::size_t i = 0; i < length % 8; ++i) {
        word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
    return word;
}

// SipHash: a fast short-input PRF, section 2, with the constants of the 128-bit variant.
class State {
  public:
    explicit State(const SipKey& key) noexcept
        : v0_(key.k0 ^ 0x736f6d6570736575),
          v1_(key.k1 ^ 0x646f72616e646f6d ^ 0xee),
          v2_(key.k0 ^ 0x6c7967656e657261),
          v3_(key.k1 ^ 0x7465646279746573) {}

    void compress(std::uint64_t word) noexcept {
        v3_ ^= word;
        rounds<2>();
        v0_ ^= word;
    }

    Hash128 finish() noexcept {
        Hash128 hash;
        v2_ ^= 0xee;
        rounds<4>();
        hash.low = v0_ ^ v1_ ^ v2_ ^ v3_;
        v1_ ^= 0xdd;
        rounds<4>();
        hash.high = v0_ ^ v1_ ^ v2_ ^ v3_;
        return hash;
    }

  private:
    template <int Count>
    void rounds() noexcept {
        for (int i = 0; i < Count; ++i) {
            v0_ += v1_;
            v2_ += v3_;
            v1_ = std::rotl(v1_, 13) ^ v0_;
            v3_ = std::rotl(v3_, 16) ^ v2_;
            v0_ = std::rotl(v0_, 32) + v3_;
            v2_ += v1_;
            v3_ = std::rotl(v3_, 21) ^ v0_;
            v1_ = std::rotl(v1_, 17) ^ v2_;
            v2_ = std::rotl(v2_, 32);
        }
    }

    std::uint64_t v0_, v1_, v2_, v3_;
};

char* put_hex(char* out, std::uint64_t octets) noexcept {
    constexpr char kDigits[] = "0123456789abcdef";
    for (int i = 0; i < 8; ++i, octets >>= 8) {
        *out++ = kDigits[octets >> 4 & 0xf];
        *out++ = kDigits[octets & 0xf];
    }
    return out;
}

}  // namespace

Hash128 siphash128(const SipKey& key, std::string_view text) noexcept {
    State state(key);
    const char* at = text.data();
    for (const char* end = at + text.size() / 8 * 8; at != end; at += 8) {
        state.compress(load(at));
    }
    state.compress(load_tail(at, text.size()));
    return state.finish();
}

std::array<char, 32> to_hex(const Hash128& hash) noexcept {
    std::array<char, 32> digits;
    put_hex(put_hex(digits.data(), hash.low), hash.high);
    return digits;
}

}  // namespace gatehouse::base
