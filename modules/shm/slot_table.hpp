#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/siphash.hpp"

namespace gatehouse::shm {

// A table of fixed size over bytes that several processes share: 128-bit keyed hashes to payloads
// of a fixed number of bytes. It holds offsets and indices only, never a pointer. Time and space of
// an operation do not depend on how full it is: a key lives in one of the kWindow slots from where
// its hash points to, and when all of them are taken the one that expires first makes way.
//
// The caller holds the one lock of the bytes during every call and as long as it uses a payload. A
// process that dies meanwhile leaves a mark, and the next call forgets that one slot.
//
// (layout: documented here byte by byte)
class SlotTable {
  public:
    static constexpr std::size_t kWindow = 16;

    // The number of bytes that a slot with such a payload takes.
    static std::size_t slot_bytes(std::size_t payload) noexcept;

    // Formats the bytes for as many slots as they hold; nothing if not even kWindow.
    // Aligned to 64. payload: bytes, a multiple of 8.
    static std::optional<SlotTable> format(std::span<std::byte> bytes,
                                           std::size_t payload) noexcept;

    // What format() made of them; nothing if they are not that, or of another payload size.
    static std::optional<SlotTable> attach(std::span<std::byte> bytes,
                                           std::size_t payload) noexcept;

    struct Found {
        std::span<std::byte> payload;  // aligned to 8
        bool fresh = false;            // zeroed: the key was not there
        bool evicted = false;          // another key, not expired, was forgotten for it
    };

    // The slot of `key`, made if need be. `now`: any clock that all users share, microseconds;
    // slots whose expiry is not later than it may be taken. Marks the slot as being written to
    // until done().
    Found obtain(const base::Hash128& key, std::int64_t now) noexcept;

    // The same without making it; an empty payload if it is not there or has expired.
    std::span<std::byte> find(const base::Hash128& key, std::int64_t now) noexcept;

    // Ends the writing to the slot that obtain() or find() gave out last, and says until when it
    // is worth keeping.
    void done(std::span<std::byte> payload, std::int64_t expires) noexcept;

    std::size_t capacity() const noexcept;

    // Slots that have not expired. Walks the whole table: for tests and status pages only.
    std::size_t live(std::int64_t now) const noexcept;

  private:
    // ...
};

}  // namespace gatehouse::shm
