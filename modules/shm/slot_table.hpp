#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/siphash.hpp"

namespace gatehouse::shm {

// A table of fixed size over bytes that several processes share: 128-bit keyed hashes to payloads
// of a fixed number of bytes. It holds offsets and indices only, never a pointer. Time and space of
// an operation do not depend on how full it is: a key lives in one of kWindow slots, which are two
// groups that its hash points to, and when all of them are taken the one that expires first makes
// way. A new key goes where more room is (two-choice hashing): a table of a million slots is more
// than 70 % full of live keys before it loses the first.
//
// The caller holds the one lock of the bytes during every call and as long as it uses a payload;
// one payload at a time. A process that dies meanwhile leaves a mark, and the next call forgets
// that one slot. Whatever the bytes hold, nothing outside of them is read or written.
//
// Layout, in the machine's byte order, G groups of 8 slots each, G even:
//
//      0  u64     magic
//      8  u32     version
//     12  u32     payload: bytes of each
//     16  u32     G
//     20  u32     dirty: 1 + the index of the slot being written to, or 0
//     24          zero up to 64
//     64  G times the 96 bytes that a search reads
//           u32[8]  tags: 32 bits of the hash, never 0; 0 is an empty slot
//           i64[8]  expiries
//   then  8 G times
//           u64[2]  hash, low and high
//           byte[payload]
class SlotTable {
  public:
    static constexpr std::size_t kWindow = 16;

    // The number of bytes that a slot with such a payload takes, all told.
    static std::size_t slot_bytes(std::size_t payload) noexcept;

    // Formats the bytes, aligned to 64, for as many slots as they hold; nothing if not even
    // kWindow. payload: bytes, a multiple of 8 and not 0. Empty slots are not touched: formatting
    // much memory is cheap.
    static std::optional<SlotTable> format(std::span<std::byte> bytes,
                                           std::size_t payload) noexcept;

    // What format() made of them; nothing if they are not that, or of another payload size.
    static std::optional<SlotTable> attach(std::span<std::byte> bytes,
                                           std::size_t payload) noexcept;

    struct Found {
        std::span<std::byte> payload;  // aligned to 8
        bool fresh = false;            // zeroed: the key was not there
        bool evicted = false;          // another key, not expired, was forgotten for it
        bool replaced = false;         // another key, expired or not, was forgotten for it
        std::size_t index = 0;         // of the slot, for entry() and the like
    };

    // The slot of `key`, made if need be. `now`: any clock that all users share, microseconds;
    // slots whose expiry is not later than it may be taken. Marks the slot as being written to
    // until done().
    Found obtain(const base::Hash128& key, std::int64_t now) noexcept;

    // The same without making it; an empty payload, and no mark, if it is not there or has expired.
    std::span<std::byte> find(const base::Hash128& key, std::int64_t now) noexcept;

    // Ends the writing to the slot that obtain() or find() gave out last, and says until when it
    // is worth keeping. Nothing else may be passed as `payload`.
    void done(std::span<std::byte> payload, std::int64_t expires) noexcept;

    // For payloads that must outlive a process that dies while it writes to them: its user keeps
    // them true by means of its own, and lets the table mark a slot only while the slot is new.
    // Such a user may hold on to indices as long as the key has not expired.

    // obtain(), but no key that has not expired makes way: nothing, and no mark, if all that could
    // are such.
    std::optional<Found> obtain_if_room(const base::Hash128& key, std::int64_t now) noexcept;

    // The slot of `key`, expired or not; nothing if it is not there or marked. Marks nothing.
    std::optional<std::size_t> index_of(const base::Hash128& key) const noexcept;

    // The payload of the slot of that index, below capacity(), without a mark; aligned to 8.
    std::span<std::byte> payload_at(std::size_t index) const noexcept;

    // Until when the slot of that index, below capacity(), is worth keeping. One store.
    std::int64_t expiry_at(std::size_t index) const noexcept;
    void set_expiry(std::size_t index, std::int64_t expires) noexcept;

    std::size_t capacity() const noexcept;

    struct Entry {
        base::Hash128 key;
        std::span<const std::byte> payload;
        std::int64_t expires = 0;
    };

    // What the slot of that index, below capacity(), holds; nothing if it is empty. For walking
    // through a table piece by piece: the lock may be given back between the slots.
    std::optional<Entry> entry(std::size_t index) const noexcept;

    // Slots that have not expired. Walks the whole table: for tests and status pages only.
    std::size_t live(std::int64_t now) const noexcept;

  private:
    struct Header;
    struct Group;
    struct Home;

    SlotTable(std::span<std::byte> bytes, std::size_t payload, std::uint32_t groups) noexcept;

    Home home(const base::Hash128& key) const noexcept;
    std::uint32_t lookup(const Home& home, const base::Hash128& key) const noexcept;
    std::uint32_t victim(const Home& home, std::int64_t now) const noexcept;
    bool taken(std::uint32_t slot, std::int64_t now) const noexcept;
    std::span<std::byte> give_out(std::uint32_t slot) noexcept;
    std::optional<Found> obtain(const base::Hash128& key, std::int64_t now,
                                bool evict_taken) noexcept;
    void repair() noexcept;

    std::uint32_t& tag(std::uint32_t slot) const noexcept;
    std::int64_t& expires(std::uint32_t slot) const noexcept;
    std::byte* hash(std::uint32_t slot) const noexcept;
    std::span<std::byte> payload(std::uint32_t slot) const noexcept;

    // What attach() found to fit is kept here: the bytes may change under a broken process.
    Header* header_;
    Group* groups_;
    std::byte* slots_;
    std::size_t payload_;
    std::uint32_t group_count_;
};

}  // namespace gatehouse::shm
