#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/identity.hpp"
#include "connection_limit/core/accept_rate.hpp"
#include "connection_limit/core/bans.hpp"
#include "connection_limit/core/lease_table.hpp"
#include "ngx/conf.hpp"
#include "ngx/zone.hpp"
#include "shm/counters.hpp"

namespace gatehouse::connection_limit {

// on_full: a zone without room for another key, or for another lease.
enum class OnFull : std::uint8_t { pass, deny };

// What a zone counts, in the order of its counters.
enum class Counter : std::uint8_t { held, refused, banned, full, evicted, reclaimed };

// connection_limit_zone: what is counted, and the memory that all workers share. The body of the
// memory: counters, leases, bans and rates, in this order, each a part of a size that depends on
// the whole only.
class Zone final : public ngx::Zone {
  public:
    std::string title;  // the name in the configuration
    ngx::ConfPlace place;
    ngx_http_complex_value_t* key = nullptr;
    std::string expression;
    base::KeyKind kind = base::KeyKind::text;
    unsigned ipv6_prefix = 64;
    OnFull on_full = OnFull::pass;
    std::size_t size = 0;  // octets

    std::size_t owner = LeaseTable::kMaxOwners;  // of this process, since it was enrolled

    // Registers it with nginx. False: refused, which has been logged. Throws std::bad_alloc.
    bool add(ngx_conf_t* cf);

    // Under a ZoneLock.
    LeaseTable& leases() noexcept { return *leases_; }
    Bans& bans() noexcept { return *bans_; }
    AcceptRate& rates() noexcept { return *rates_; }

    // Atomic.
    void count(Counter counter, std::uint64_t number = 1) noexcept;
    std::uint64_t counted(Counter counter) const noexcept;

    // Where an identity is found in the tables.
    base::Hash128 hash(std::string_view identity) const noexcept {
        return base::siphash128(seed(), identity);
    }

  private:
    bool format(std::span<std::byte> body, const ngx::Zone* previous) noexcept override;
    bool attach(std::span<std::byte> body) noexcept override;
    std::optional<shm::Counters> counters_;
    std::optional<LeaseTable> leases_;
    std::optional<Bans> bans_;
    std::optional<AcceptRate> rates_;
};

}  // namespace gatehouse::connection_limit
