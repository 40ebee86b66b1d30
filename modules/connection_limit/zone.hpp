#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/identity.hpp"
#include "connection_limit/core/accept_rate.hpp"
#include "connection_limit/core/bans.hpp"
#include "connection_limit/core/lease_table.hpp"
#include "ngx/conf.hpp"
#include "ngx/lasting_zone.hpp"
#include "ngx/log_gate.hpp"
#include "shm/counters.hpp"

namespace gatehouse::connection_limit {

// What the names of the zones' memory begin with.
inline constexpr std::string_view kZonePrefix = "connection_limit:";

// on_full: a zone without room for another key, or for another lease.
enum class OnFull : std::uint8_t { pass, deny };

// What a zone counts since it began.
enum class Counter : std::uint8_t {
    held,               // leases given
    refused,            // requests
    accept_refused,     // connections, by max of connection_limit_accept
    handshake_refused,  // by handshake
    rate_refused,       // by rate
    banned,             // requests and connections, by a ban or a list
    full,               // of which there was no room to count them
    evicted,            // idle keys that made way
    reclaimed,          // leases of processes that had died
    forgotten,          // bans, counts of refusals and rates that made way for others
};
inline constexpr std::array<std::string_view, 10> kCounters{
    "held",   "refused", "accept_refused", "handshake_refused", "rate_refused",
    "banned", "full",    "evicted",        "reclaimed",         "forgotten"};

// connection_limit_zone: what is counted, and the memory that all workers share. The body of the
// memory: counters, leases, bans and rates, in this order, each a part of a size that depends on
// the whole only.
class Zone final : public ngx::LastingZone {
  public:
    std::string title;  // the name in the configuration
    ngx::ConfPlace place;
    ngx_http_complex_value_t* key = nullptr;
    std::string expression;
    base::KeyKind kind = base::KeyKind::text;
    bool of_connection = false;  // the key is the address of the connection
    unsigned ipv6_prefix = base::kIpv6Prefix;
    OnFull on_full = OnFull::pass;
    std::size_t size = 0;         // octets
    std::int64_t ban_within = 0;  // of all connection_limit_ban that name it; 0: none does

    // Of this process.
    std::size_t owner = LeaseTable::kMaxOwners;  // since it was enrolled
    ngx::LogGate full_gate;
    ngx::LogGate accept_gate;

    // False: refused, which has been logged. Throws std::bad_alloc.
    bool add(ngx_conf_t* cf);

    // Under a ZoneLock.
    LeaseTable& leases() noexcept { return *leases_; }
    Bans& bans() noexcept { return *bans_; }
    AcceptRate& rates() noexcept { return *rates_; }

    // Atomic.
    void count(Counter counter, std::uint64_t number = 1) noexcept;
    std::uint64_t counted(std::size_t counter) const noexcept { return counters_->sum(counter); }

  private:
    bool format(std::span<std::byte> body) noexcept override;
    bool attach(std::span<std::byte> body) noexcept override;
    std::optional<shm::Counters> counters_;
    std::optional<LeaseTable> leases_;
    std::optional<Bans> bans_;
    std::optional<AcceptRate> rates_;
};

using ZoneLock = ngx::LastingZoneLock;

}  // namespace gatehouse::connection_limit
