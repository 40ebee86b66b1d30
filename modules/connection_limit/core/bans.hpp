#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/siphash.hpp"
#include "shm/slot_table.hpp"

namespace gatehouse::connection_limit {

// Who was refused `after` times in `within` microseconds is banned for `length` microseconds.
struct BanRule {
    std::uint32_t after = 0;
    std::int64_t within = 0;
    std::int64_t length = 0;
};

// Refusals and bans of keys, in bytes that several processes share. The caller holds the one lock
// of the bytes during every call. Times in microseconds of a clock that never goes back.
//
// Payload of a slot (documented here byte by byte)
class Bans {
  public:
    static std::optional<Bans> format(std::span<std::byte> bytes) noexcept;
    static std::optional<Bans> attach(std::span<std::byte> bytes) noexcept;

    // One more refusal of `key`. True if this one has brought a ban about. The window slides: two
    // halves, so that no `within` has more than `after` refusals without a ban.
    bool refused(const base::Hash128& key, const BanRule& rule, std::int64_t now) noexcept;

    // Until when the key is banned; 0 if it is not.
    std::int64_t until(const base::Hash128& key, std::int64_t now) noexcept;

    void lift(const base::Hash128& key) noexcept;

    std::size_t active(std::int64_t now) const noexcept;  // walks the table

  private:
    // ...
};

}  // namespace gatehouse::connection_limit
