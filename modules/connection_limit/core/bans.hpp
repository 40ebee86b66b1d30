#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

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
// of the bytes during every call. Times in microseconds of a clock that never goes back. When there
// is no room for another key, the one makes way whose ban ends, or whose refusals cease to matter,
// first. A process that dies during a call loses no more than that one key.
//
// The bytes are those of a shm::SlotTable, 84 per key, whose payload is
//      0  i64     until when it is banned; 0 if it never was
//      8  i64     when the present half of `within` began
//     16  u32[3]  refusals in this half, the one before and the one before that
//     28  u32     octets of the subject
//     32  u8[24]  the subject, and zeros
class Bans {
  public:
    static constexpr std::size_t kMaxSubject = 24;

    static std::optional<Bans> format(std::span<std::byte> bytes) noexcept;
    static std::optional<Bans> attach(std::span<std::byte> bytes) noexcept;

    // One more refusal of `key`. True if this one has brought a ban about. Refusals are counted by
    // halves of `within`: no `within` has `after` refusals without a ban, and there is none unless
    // one and a half `within` have as many. Who is banned is not counted, so that every ban ends,
    // and begins anew afterwards. A rule with a 0 in it bans nobody. `subject`: what lists are to
    // say of the key, which itself is a hash; no more than kMaxSubject octets of it are kept.
    bool refused(const base::Hash128& key, std::string_view subject, const BanRule& rule,
                 std::int64_t now) noexcept;

    // Whether another key's ban or refusals had to make way in the last refused().
    bool evicted() const noexcept { return evicted_; }

    // Until when the key is banned; 0 if it is not.
    std::int64_t until(const base::Hash128& key, std::int64_t now) const noexcept;

    std::size_t capacity() const noexcept;

    // Whose ban lasts, at the index of the table, below capacity(); nothing if nobody's. For
    // listing piece by piece: the lock may be given back in between.
    struct Ban {
        base::Hash128 key;
        std::int64_t until = 0;
        std::size_t length = 0;  // of the subject
        std::array<char, kMaxSubject> subject{};
    };
    std::optional<Ban> ban(std::size_t index, std::int64_t now) const noexcept;

  private:
    explicit Bans(shm::SlotTable table) noexcept : table_(table) {}

    shm::SlotTable table_;
    bool evicted_ = false;
};

}  // namespace gatehouse::connection_limit
