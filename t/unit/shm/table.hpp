#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>

#include "shm/shared.hpp"
#include "shm/slot_table.hpp"

namespace gatehouse::test {

using base::Hash128;
using shm::SlotTable;

inline constexpr std::size_t kPayload = 24;
inline constexpr std::int64_t kNow = 1'000'000;
inline constexpr std::int64_t kLater = 2'000'000;

inline std::size_t bytes_of(std::size_t slots, std::size_t payload = kPayload) {
    return 64 + slots * SlotTable::slot_bytes(payload);
}

inline SlotTable formatted(const Bytes& bytes, std::size_t payload = kPayload) {
    const auto table = SlotTable::format(bytes.span(), payload);
    assert_true(table.has_value());
    return *table;
}

inline Hash128 key(std::uint64_t number) {
    std::mt19937_64 random(number);
    return {random(), random()};
}

inline bool all(std::span<const std::byte> bytes, std::byte value) {
    return std::all_of(bytes.begin(), bytes.end(), [&](std::byte b) { return b == value; });
}

inline void fill(std::span<std::byte> bytes, unsigned char value) {
    std::fill(bytes.begin(), bytes.end(), std::byte{value});
}

// Obtains, fills and releases; what obtain() said.
inline SlotTable::Found put(SlotTable& table, const Hash128& name, std::int64_t expires,
                            unsigned char value = 1) {
    const auto found = table.obtain(name, kNow);
    fill(found.payload, value);
    table.done(found.payload, expires);
    return found;
}

// Whether the table has the key and, as its payload, this value; releases it.
inline bool holds(SlotTable& table, const Hash128& name, unsigned char value = 1,
                  std::int64_t now = kNow) {
    const auto payload = table.find(name, now);
    const bool same = payload.size() == kPayload && all(payload, std::byte{value});
    if (!payload.empty()) {
        table.done(payload, kLater);
    }
    return same;
}

}  // namespace gatehouse::test
