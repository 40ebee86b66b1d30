#include "shm/region.hpp"

#include <array>
#include <cstring>

namespace gatehouse::shm {
namespace {

constexpr std::uint64_t kRegionMagic = 0x316e676552486147;  // "GaHRegn1"
constexpr std::uint32_t kRegionVersion = 1;

struct RegionHeader {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t zero;
    std::uint64_t size;
    std::uint64_t fingerprint;
    base::SipKey seed;
    std::array<std::byte, 16> more_zero;
};
static_assert(sizeof(RegionHeader) == Region::kHeaderBytes);

bool can_be_region(std::span<const std::byte> bytes) noexcept {
    return bytes.size() > sizeof(RegionHeader) &&
           reinterpret_cast<std::uintptr_t>(bytes.data()) % Region::kHeaderBytes == 0;
}

}  // namespace

std::optional<Region> Region::format(std::span<std::byte> bytes, std::uint64_t fingerprint,
                                     const base::SipKey& seed) noexcept {
    if (!can_be_region(bytes)) {
        return std::nullopt;
    }
    const RegionHeader header{kRegionMagic, kRegionVersion, 0, bytes.size(), fingerprint, seed, {}};
    std::memcpy(bytes.data(), &header, sizeof header);
    return Region(bytes.subspan(sizeof header), fingerprint, seed);
}

std::optional<Region> Region::attach(std::span<std::byte> bytes) noexcept {
    if (!can_be_region(bytes)) {
        return std::nullopt;
    }
    RegionHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.magic != kRegionMagic || header.version != kRegionVersion ||
        header.size <= sizeof header || header.size > bytes.size()) {
        return std::nullopt;
    }
    return Region(bytes.first(header.size).subspan(sizeof header), header.fingerprint, header.seed);
}

}  // namespace gatehouse::shm
