#include "shm/region.hpp"

#include <array>
#include <cstring>

namespace gatehouse::shm {
namespace {

constexpr std::uint64_t kMagic = 0x316e676552486147;  // "GaHRegn1"
constexpr std::uint32_t kVersion = 1;

struct Header {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t zero;
    std::uint64_t size;
    std::uint64_t fingerprint;
    base::SipKey seed;
    std::array<std::byte, 16> more_zero;
};
static_assert(sizeof(Header) == Region::kHeaderBytes);

bool can_be_region(std::span<const std::byte> bytes) noexcept {
    return bytes.size() > sizeof(Header) &&
           reinterpret_cast<std::uintptr_t>(bytes.data()) % Region::kHeaderBytes == 0;
}

}  // namespace

std::optional<Region> Region::format(std::span<std::byte> bytes, std::uint64_t fingerprint,
                                     const base::SipKey& seed) noexcept {
    if (!can_be_region(bytes)) {
        return std::nullopt;
    }
    const Header header{kMagic, kVersion, 0, bytes.size(), fingerprint, seed, {}};
    std::memcpy(bytes.data(), &header, sizeof header);
    return Region(bytes.subspan(sizeof header), fingerprint, seed);
}

std::optional<Region> Region::attach(std::span<std::byte> bytes) noexcept {
    if (!can_be_region(bytes)) {
        return std::nullopt;
    }
    Header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.magic != kMagic || header.version != kVersion || header.size <= sizeof header ||
        header.size > bytes.size()) {
        return std::nullopt;
    }
    return Region(bytes.first(header.size).subspan(sizeof header), header.fingerprint, header.seed);
}

}  // namespace gatehouse::shm
