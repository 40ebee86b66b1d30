#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "redis/core/address.hpp"
#include "redis/core/reply.hpp"

namespace gatehouse::redis {

inline constexpr std::size_t kSlots = 16384;
inline constexpr std::size_t kMaxNodes = 1000;

// The cluster slot of a key: CRC-16/XMODEM of the key, or of its hash tag (redis.io,
// "Redis cluster specification", key distribution model).
std::uint16_t key_slot(std::string_view key) noexcept;

// Which master serves which slot.
class SlotMap {
  public:
    // Reads the reply of CLUSTER SLOTS. `asked` is the host that gave it: a node without a host is
    // that one. Slots of a node whose host is `?` (not known to the one that was asked) are
    // nobody's. Nothing if the reply is not one, if ranges overlap or there are more than
    // kMaxNodes. Throws std::bad_alloc.
    static std::optional<SlotMap> parse(const Reply& reply, std::string_view asked);

    std::span<const Address> nodes() const noexcept { return nodes_; }

    // Whether every slot is served by somebody.
    bool complete() const noexcept;

    // Index in nodes(); nothing if nobody serves the slot. Requires slot < kSlots.
    std::optional<std::size_t> node_of(std::uint16_t slot) const noexcept;

    // After MOVED: the slot is served by `node`, which may be new and then becomes the last of
    // nodes(); the indices of the others stay. Returns its index; nothing if there are too many.
    // Throws std::bad_alloc.
    std::optional<std::size_t> assign(std::uint16_t slot, const Address& node);

  private:
    class Parser;
    SlotMap();

    std::vector<Address> nodes_;
    std::vector<std::uint16_t> slots_;  // kSlots indices, kNobody for a gap
};

}  // namespace gatehouse::redis
