#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "connection_limit/core/lease_table.hpp"
#include "expect.hpp"
#include "shm/shared.hpp"

namespace gatehouse::test {

using base::Hash128;
using connection_limit::LeaseTable;
using connection_limit::Owner;
using Outcome = LeaseTable::Outcome;

inline constexpr std::int64_t kNow = 1'000'000;
inline constexpr std::uint32_t kUnlimited = 1'000'000;

// As the head of the header says.
inline constexpr std::size_t kBeforeLeases = 64 + LeaseTable::kMaxOwners * 16;
inline constexpr std::size_t lease_bytes_of(std::size_t keys) {
    return kBeforeLeases + 64 + keys * (36 + 2 * 8);
}

inline LeaseTable lease_table(std::span<std::byte> bytes) {
    const auto table = LeaseTable::format(bytes);
    assert_true(table.has_value());
    return *table;
}

inline Hash128 key(std::uint64_t number) {
    std::mt19937_64 random(number);
    return {random(), random()};
}

// Nobody: no process has such an ID.
inline Owner process(std::int32_t number) { return {1 << 24 | number, 77}; }

// A lease that must be had.
inline std::uint32_t hold(LeaseTable& table, const Hash128& name, std::size_t owner,
                          std::int64_t now = kNow) {
    const auto taken = table.take(name, owner, kUnlimited, now);
    assert_true(taken.outcome == Outcome::held);
    return taken.lease;
}

}  // namespace gatehouse::test
