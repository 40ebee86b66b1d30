#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/siphash.hpp"
#include "ngx/zone.hpp"
#include "rate_limit/zone.hpp"
#include "shm/slot_table.hpp"

namespace gatehouse::rate_limit {

// The shared memory of a zone: a table of KeyStates.
class Memory final : public ngx::Zone {
  public:
    explicit Memory(const Shape& shape) noexcept : shape_(shape) {}

    // Registers it with nginx. False: refused, which has been logged. Throws std::bad_alloc.
    bool add(ngx_conf_t* cf, const rate_limit::Zone& zone);

    // Under a ZoneLock.
    shm::SlotTable& table() noexcept { return *table_; }

  private:
    bool format(std::span<std::byte> body, const ngx::Zone* previous) noexcept override;
    bool attach(std::span<std::byte> body) noexcept override;
    void carry_over(const Memory& previous) noexcept;
    void copy(const shm::SlotTable::Entry& entry, const Shape& of_old, std::int64_t now) noexcept;

    const Shape& shape_;
    std::uint64_t meaning_ = 0;  // of the keys: state of another meaning is none
    std::size_t size_ = 0;
    std::optional<shm::SlotTable> table_;
};

// Where the state of an identity lives: a hash with the zone's own random key. `prefix`: of its key
// in Redis, which tells tenants apart. `own`: the tag of a policy that is not the zone's, or 0.
base::Hash128 slot_of(const Zone& zone, std::string_view prefix, std::uint32_t own,
                      std::string_view identity) noexcept;

// The state of one key, under the zone's lock: nothing may be logged, allocated or called out to
// while it lives.
class KeyAccess {
  public:
    // `policy` has to outlive it.
    KeyAccess(const Zone& zone, const base::Hash128& slot, const Policy& policy,
              std::int64_t now) noexcept;
    ~KeyAccess();
    KeyAccess(const KeyAccess&) = delete;
    KeyAccess& operator=(const KeyAccess&) = delete;

    KeyState* operator->() noexcept { return &state_; }

  private:
    ngx::ZoneLock lock_;
    shm::SlotTable& table_;
    const std::span<std::byte> payload_;
    KeyState state_;
    const Policy& policy_;
    const std::int64_t now_;
};

}  // namespace gatehouse::rate_limit
