#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/siphash.hpp"
#include "shm/slot_table.hpp"

namespace gatehouse::connection_limit {

// How fast each key may open connections: N per second, of which N may come at once; a generic cell
// rate algorithm, so that no second has more than 2 N and in the long run none more than N. In
// bytes that several processes share; the caller holds the one lock of them during every call.
// When there is no room for another key, the one that has been quiet for longest makes way; a
// process that dies during a call makes the table forget that one key.
//
// The bytes are those of a shm::SlotTable, 36 per key, whose payload is
//      0  i64  theoretical arrival time of the next connection, nanoseconds
class AcceptRate {
  public:
    static std::optional<AcceptRate> format(std::span<std::byte> bytes) noexcept;
    static std::optional<AcceptRate> attach(std::span<std::byte> bytes) noexcept;

    // Whether `key` may open one more at `now`, microseconds of a clock that never goes back; if
    // so, that is counted. per_second: at least 1.
    bool accept(const base::Hash128& key, std::uint32_t per_second, std::int64_t now) noexcept;

    // Whether another key that was not quiet had to make way in the last accept().
    bool evicted() const noexcept { return evicted_; }

    std::size_t capacity() const noexcept { return table_.capacity(); }

  private:
    explicit AcceptRate(shm::SlotTable table) noexcept : table_(table) {}

    shm::SlotTable table_;
    bool evicted_ = false;
};

}  // namespace gatehouse::connection_limit
