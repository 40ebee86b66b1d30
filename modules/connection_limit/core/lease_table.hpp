#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/siphash.hpp"
#include "connection_limit/core/owner.hpp"
#include "shm/slot_table.hpp"

namespace gatehouse::connection_limit {

// How many leases each key holds, and whose they are, in bytes that several processes share. What
// is true is the list of leases, of which each is written and erased by one store of 8 bytes; the
// counts are derived from it and are counted anew after a process has died while it was writing.
// So a process that is killed at any instruction leaves nothing behind but leases of its own,
// which reclaim() takes back.
//
// The caller holds the one lock of the bytes during every call. Time does not depend on how many
// keys and leases there are, except of reclaim() and of the first call after a death in the middle
// of another: these walk through the leases.
//
// Layout, in the machine's byte order, for K keys and L = 2 K leases. A key takes 36 bytes, a lease
// 8: a megabyte holds 19,800 keys and 39,600 leases; as the table of keys is at least 70 % full
// before it has no room for another, it holds any 13,800 keys at the same time.
//
//      0  u64     magic
//      8  u32     version
//     12  u32     L
//     16  u32     dirty: 1 while something is being changed, or if a process died of it
//     20  u32     1 + the first free lease of a list, or 0
//     24  u32     leases used so far: those behind were never written to
//     28  u32     leases held
//     32          zero up to 64
//     64  1024 times, the owners
//           u64     started
//           i32     pid; 0: a free place
//           u32     zero
//  16448  L times, the leases
//           u32     1 + index of the key's slot, or 0: free
//           held: u16 1 + owner, u16 zero; free: u32 1 + the next of the list, or 0
//   then  shm::SlotTable of K slots, with payload
//           u32     leases that are held
//           u32     zero
//         and as expiry the largest value while any are, or else since when there are none
class LeaseTable {
  public:
    static constexpr std::size_t kMaxOwners = 1024;

    // Formats the bytes, aligned to 64, for two leases of every key. Nothing if there is not room
    // for 16 keys. Leases are not touched: formatting much memory is cheap.
    static std::optional<LeaseTable> format(std::span<std::byte> bytes) noexcept;

    // What format() made of them; nothing if they are not that. Must not write.
    static std::optional<LeaseTable> attach(std::span<std::byte> bytes) noexcept;

    // A place among the owners for this process, the same when it asks again; kMaxOwners if there
    // is none.
    std::size_t enroll(const Owner& owner) noexcept;

    // The owner goes, and all of its leases with it; how many these were. Nothing happens if there
    // is no such owner.
    std::size_t reclaim(std::size_t owner) noexcept;

    // Who is enrolled; pid 0: nobody.
    Owner owner(std::size_t index) const noexcept;

    enum class Outcome : std::uint8_t {
        held,     // counted
        refused,  // the key holds `most` already
        full,     // no room for the key or the lease, and nothing idle that could make way; or
                  // nobody is enrolled as that owner
    };
    struct Taken {
        Outcome outcome = Outcome::full;
        std::uint32_t lease = 0;  // held: what release() needs
        std::uint32_t count = 0;  // leases of the key, this one included; refused: without it
        bool evicted = false;     // an idle key made way
    };

    // Counts one more of `key` on behalf of `owner`, unless it holds `most`. `now`: microseconds of
    // a clock that all users share; it only says which idle key of those that could makes way
    // first. A key that holds a lease never makes way.
    Taken take(const base::Hash128& key, std::size_t owner, std::uint32_t most,
               std::int64_t now) noexcept;

    // Ends a lease, that is one that take() has given to this owner and that was not released;
    // nothing happens otherwise.
    void release(std::uint32_t lease, std::size_t owner, std::int64_t now) noexcept;

    // Leases of the key now.
    std::uint32_t count(const base::Hash128& key) const noexcept;

    std::size_t keys() const noexcept;    // capacity
    std::size_t leases() const noexcept;  // capacity
    std::size_t held() const noexcept;    // now

  private:
    struct Header;
    struct Place;
    struct Layout;
    class Change;

    LeaseTable(std::span<std::byte> bytes, std::uint32_t leases, shm::SlotTable keys) noexcept;

    std::uint32_t& counter(std::size_t key) const noexcept;
    std::uint64_t lease(std::uint32_t index) const noexcept;
    bool holds(std::uint64_t lease) const noexcept;
    std::uint32_t used() const noexcept;

    std::optional<std::uint32_t> first_free() const noexcept;
    void hold(std::uint32_t index, std::uint32_t key, std::size_t owner) noexcept;
    void free(std::uint32_t index, std::int64_t now) noexcept;
    void link(std::uint32_t index) noexcept;
    void settle() noexcept;
    void count_anew() noexcept;

    // What attach() found to fit is kept here: the bytes may change under a broken process.
    Header* header_;
    Place* owners_;
    std::uint64_t* leases_;
    shm::SlotTable keys_;
    std::uint32_t lease_count_;
};

}  // namespace gatehouse::connection_limit
