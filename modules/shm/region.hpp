#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/siphash.hpp"

namespace gatehouse::shm {

// What stands before the bytes that several processes share, so that whoever finds them later can
// tell whether they mean to it what they meant to their maker.
//
// Layout, in the machine's byte order:
//
//      0  u64     magic
//      8  u32     version of this header
//     12  u32     zero
//     16  u64     size: bytes of all, this header included
//     24  u64     fingerprint
//     32  u64[2]  seed
//     48          zero up to 64
//     64          body
class Region {
  public:
    static constexpr std::size_t kHeaderBytes = 64;

    // Writes the header; the body is left as it is. `bytes` is aligned to 64 and longer than the
    // header, or there is no region. `fingerprint`: a hash of everything that the meaning of the
    // body depends on. `seed`: secret and random; the key of the hashes in the body.
    static std::optional<Region> format(std::span<std::byte> bytes, std::uint64_t fingerprint,
                                        const base::SipKey& seed) noexcept;

    // What format() made; nothing, and nothing is written, if the bytes are not that.
    static std::optional<Region> attach(std::span<std::byte> bytes) noexcept;

    std::uint64_t fingerprint() const noexcept { return fingerprint_; }
    const base::SipKey& seed() const noexcept { return seed_; }

    // Aligned to 64.
    std::span<std::byte> body() const noexcept { return body_; }

  private:
    Region(std::span<std::byte> body, std::uint64_t fingerprint, const base::SipKey& seed) noexcept
        : body_(body), fingerprint_(fingerprint), seed_(seed) {}

    std::span<std::byte> body_;
    std::uint64_t fingerprint_;
    base::SipKey seed_;
};

}  // namespace gatehouse::shm
