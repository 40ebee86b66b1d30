#include "shm/counters.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

namespace gatehouse::shm {
namespace {

constexpr std::uint64_t kMagic = 0x3173727443486147;  // "GaHCtrs1"
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kNameBytes = Counters::kMaxNameLength + 1;

struct Header {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t size;
    std::uint32_t lanes;
    std::array<std::byte, 44> zero;
};
static_assert(sizeof(Header) == kCacheLine);

using Count = std::atomic_ref<std::uint64_t>;
static_assert(Count::is_always_lock_free, "a lock would be of one process only");

constexpr std::size_t whole_lines(std::size_t bytes) noexcept {
    return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
}

constexpr std::size_t names_bytes(std::size_t names) noexcept {
    return whole_lines(names * kNameBytes);
}

constexpr std::size_t lane_bytes(std::size_t names) noexcept {
    return whole_lines(names * sizeof(std::uint64_t));
}

bool fits(std::span<const std::byte> bytes, std::size_t names, std::size_t lanes) noexcept {
    return names >= 1 && names <= Counters::kMaxNames && lanes >= 1 &&
           lanes <= Counters::kMaxLanes && Counters::bytes(names, lanes) <= bytes.size();
}

bool aligned(std::span<const std::byte> bytes) noexcept {
    return reinterpret_cast<std::uintptr_t>(bytes.data()) % kCacheLine == 0;
}

bool valid(std::string_view name) noexcept {
    return !name.empty() && name.size() <= Counters::kMaxNameLength &&
           name.find('\0') == std::string_view::npos;
}

}  // namespace

std::size_t Counters::bytes(std::size_t names, std::size_t lanes) noexcept {
    return sizeof(Header) + names_bytes(names) + lanes * lane_bytes(names);
}

Counters::Counters(std::span<std::byte> bytes, std::size_t size, std::size_t lanes) noexcept
    : names_(reinterpret_cast<const char*>(bytes.data() + sizeof(Header))),
      counts_(bytes.data() + sizeof(Header) + names_bytes(size)),
      size_(size),
      lanes_(lanes),
      lane_bytes_(lane_bytes(size)) {}

std::optional<Counters> Counters::format(std::span<std::byte> bytes,
                                         std::span<const std::string_view> names,
                                         std::size_t lanes) noexcept {
    if (!aligned(bytes) || !fits(bytes, names.size(), lanes) ||
        !std::all_of(names.begin(), names.end(), valid)) {
        return std::nullopt;
    }
    std::memset(bytes.data(), 0, Counters::bytes(names.size(), lanes));
    const Header header{kMagic,
                        kVersion,
                        static_cast<std::uint32_t>(names.size()),
                        static_cast<std::uint32_t>(lanes),
                        {}};
    std::memcpy(bytes.data(), &header, sizeof header);
    std::byte* at = bytes.data() + sizeof header;
    for (const std::string_view name : names) {
        std::memcpy(at, name.data(), name.size());
        at += kNameBytes;
    }
    return Counters(bytes, names.size(), lanes);
}

std::optional<Counters> Counters::attach(std::span<std::byte> bytes) noexcept {
    if (!aligned(bytes) || bytes.size() < sizeof(Header)) {
        return std::nullopt;
    }
    Header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.magic != kMagic || header.version != kVersion ||
        !fits(bytes, header.size, header.lanes)) {
        return std::nullopt;
    }
    return Counters(bytes, header.size, header.lanes);
}

std::vector<std::string_view> Counters::names() const {
    std::vector<std::string_view> names;
    names.reserve(size_);
    for (std::size_t i = 0; i < size_; ++i) {
        const char* name = names_ + i * kNameBytes;
        names.emplace_back(name, std::find(name, name + kMaxNameLength, '\0'));
    }
    return names;
}

void Counters::add(std::size_t lane, std::size_t index, std::uint64_t n) noexcept {
    auto* counts = reinterpret_cast<std::uint64_t*>(counts_ + lane * lane_bytes_);
    Count(counts[index]).fetch_add(n, std::memory_order_relaxed);
}

std::uint64_t Counters::sum(std::size_t index) const noexcept {
    std::uint64_t sum = 0;
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
        auto* counts = reinterpret_cast<std::uint64_t*>(counts_ + lane * lane_bytes_);
        sum += Count(counts[index]).load(std::memory_order_relaxed);
    }
    return sum;
}

}  // namespace gatehouse::shm
