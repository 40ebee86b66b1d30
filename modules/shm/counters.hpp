#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace gatehouse::shm {

// Named counters in bytes that several processes share, for which no lock is needed: they only
// grow, and wrap at 2^64. The bytes describe themselves: who did not make them can still read them.
// Each process counts in a lane, which is on cache lines of its own; a counter is the sum of its
// lanes. Two processes may use the same lane; a killed one loses nothing that it has counted.
//
// Layout, in the machine's byte order, N counters in L lanes:
//
//      0  u64       magic
//      8  u32       version
//     12  u32       N
//     16  u32       L
//     20            zero up to 64
//     64  N times   char[32]  name, padded with NULs, of which there is at least one
//   then  L times, each at a multiple of 64
//         N times   u64       count
class Counters {
  public:
    static constexpr std::size_t kMaxNames = 4096;
    static constexpr std::size_t kMaxLanes = 4096;
    static constexpr std::size_t kMaxNameLength = 31;

    // The bytes that so many take; within the limits above.
    static std::size_t bytes(std::size_t names, std::size_t lanes) noexcept;

    // Formats the bytes, aligned to 64, with all counters at 0. Nothing if they are too few, or
    // names and lanes are not from 1 up to their limits, or a name is empty or holds a NUL.
    static std::optional<Counters> format(std::span<std::byte> bytes,
                                          std::span<const std::string_view> names,
                                          std::size_t lanes) noexcept;

    // What format() made of them; nothing, and nothing is written, if they are not that.
    static std::optional<Counters> attach(std::span<std::byte> bytes) noexcept;

    // In the order of their indices; views of the shared bytes. Throws std::bad_alloc.
    std::vector<std::string_view> names() const;
    std::size_t size() const noexcept { return size_; }
    std::size_t lanes() const noexcept { return lanes_; }

    // lane < lanes(), index < size()
    void add(std::size_t lane, std::size_t index, std::uint64_t n = 1) noexcept;

    // index < size(). What other processes count meanwhile may or may not be in it.
    std::uint64_t sum(std::size_t index) const noexcept;

  private:
    Counters(std::span<std::byte> bytes, std::size_t size, std::size_t lanes) noexcept;

    const char* names_;
    std::byte* counts_;
    std::size_t size_;
    std::size_t lanes_;
    std::size_t lane_bytes_;
};

}  // namespace gatehouse::shm
