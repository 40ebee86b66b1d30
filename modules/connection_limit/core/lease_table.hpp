#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/siphash.hpp"
#include "shm/slot_table.hpp"

namespace gatehouse::connection_limit {

// A process that holds leases. Where a process ID has been given to another process since, the
// start time tells them apart.
struct Owner {
    std::int32_t pid = 0;
    std::uint64_t started = 0;  // clock ticks since boot, /proc/PID/stat field 22
};

// How many leases each key holds, and whose they are, in bytes that several processes share. What
// is true is the list of leases, of which each is written and erased by one store of 8 bytes; the
// counts are derived from it and are counted anew after a process has died while it was writing.
// So a process that is killed at any instruction leaves nothing behind but leases of its own,
// which reclaim() takes back.
//
// The caller holds the one lock of the bytes during every call.
//
// (layout: documented here byte by byte)
class LeaseTable {
  public:
    static constexpr std::size_t kMaxOwners = 1024;

    // Formats the bytes, aligned to 64: as many keys as there can be leases of them, at least
    // 12,000 keys per megabyte. Nothing if there is not room for 16 keys.
    static std::optional<LeaseTable> format(std::span<std::byte> bytes) noexcept;

    // What format() made of them; nothing if they are not that. Must not write.
    static std::optional<LeaseTable> attach(std::span<std::byte> bytes) noexcept;

    // A place among the owners for this process; kMaxOwners if there is none. `slot`: of the
    // master's table of processes: who had it before is dead, and its leases are reclaimed.
    std::size_t enroll(const Owner& owner, std::uint32_t slot) noexcept;

    // The owner goes, and all of its leases with it.
    void reclaim(std::size_t owner) noexcept;

    // Who is enrolled; pid 0: nobody.
    Owner owner(std::size_t index) const noexcept;

    enum class Outcome : std::uint8_t {
        held,     // counted
        refused,  // the key holds `most` already
        full,     // no room for the key or the lease, and nothing idle that could make way
    };
    struct Taken {
        Outcome outcome = Outcome::full;
        std::uint32_t lease = 0;  // held: what release() needs
        std::uint32_t count = 0;  // leases of the key, this one included; refused: without it
        bool evicted = false;     // an idle key made way
    };

    // Counts one more of `key` on behalf of `owner`, unless it holds `most`. `now`: microseconds of
    // a clock that all users share.
    Taken take(const base::Hash128& key, std::size_t owner, std::uint32_t most,
               std::int64_t now) noexcept;

    // Ends a lease, that is one that take() has given to this owner and that was not released.
    void release(std::uint32_t lease, std::size_t owner, std::int64_t now) noexcept;

    // Leases of the key now.
    std::uint32_t count(const base::Hash128& key) const noexcept;

    std::size_t keys() const noexcept;    // capacity
    std::size_t leases() const noexcept;  // capacity
    std::size_t held() const noexcept;    // now

  private:
    // ...
};

}  // namespace gatehouse::connection_limit
