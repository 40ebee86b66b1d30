#pragma once

#include <cstdint>

#include "rate_limit/core/policy.hpp"

namespace gatehouse::rate_limit {

// Requests that were debited in Redis before they are spent here. Plain bytes in shared memory; all
// zero: no lease.
//
// Demand is what has arrived within the last lease, never extrapolated: a lease holds a third of
// it, and is topped up when half of that is left. So a steady key debits about six times per lease
// however hot it is, hardly ever lets anything expire, and need not wait as long as a round trip
// takes less than a sixth of a lease. A key that is asked for once in a while debits one request at
// a time.
class Lease {
  public:
    // Counts an arrival.
    void arrive(const Policy& policy, std::uint32_t cost, std::int64_t now,
                std::int64_t duration) noexcept;

    // Takes `cost` requests, those that expire first. Returns when the first of them would have
    // expired, or 0 if there are not enough.
    std::int64_t spend(std::uint32_t cost, std::int64_t now) noexcept;
    void give_back(std::uint32_t cost, std::int64_t expires, std::int64_t now) noexcept;

    // Requests that expire later than `time`.
    std::uint32_t left(std::int64_t time) const noexcept;

    // What to debit behind the back of a request, 0 for nothing yet; what to debit for a request
    // that waits. `cost` is that request's; never more than a policy can grant at once.
    std::uint32_t top_up(const Policy& policy, std::uint32_t cost, std::int64_t now,
                         std::int64_t duration) const noexcept;
    std::uint32_t refill(const Policy& policy, std::uint32_t cost, std::int64_t now,
                         std::int64_t duration) const noexcept;

    // At most one debit is on its way. It ends by itself, if the worker that sent it is killed.
    bool debiting(std::int64_t now) const noexcept { return now < debit_ends_; }
    std::int64_t debit_ends() const noexcept { return debit_ends_; }
    void start_debit(std::int64_t ends) noexcept { debit_ends_ = ends; }
    void end_debit() noexcept { debit_ends_ = 0; }

    void credit(const Policy& policy, std::uint32_t granted, std::int64_t expires, std::int64_t now,
                std::int64_t duration) noexcept;

    // When nothing of it matters any longer.
    std::int64_t expiry(std::int64_t now, std::int64_t duration) const noexcept;

  private:
    struct Tokens {
        std::int64_t expires;
        std::uint32_t count;
        std::uint32_t unused;
    };

    std::int64_t age(std::int64_t now) const noexcept;
    void belong_to(const Policy& policy) noexcept;
    std::uint32_t target(std::uint32_t cost, std::int64_t now,
                         std::int64_t duration) const noexcept;

    // Bytes: 0 current, 16 old (spent first), 32 end of the debit on its way, 40 since when `seen`
    // have arrived, 48 u32 seen, 52 u32 seen in the lease before, 56 u32 the policy's tag.
    Tokens current_;
    Tokens old_;
    std::int64_t debit_ends_;
    std::int64_t since_;
    std::uint32_t seen_;
    std::uint32_t seen_before_;
    std::uint32_t tag_;
    [[maybe_unused]] std::uint32_t unused_;
};

}  // namespace gatehouse::rate_limit
