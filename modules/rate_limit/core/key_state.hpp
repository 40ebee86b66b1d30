#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "rate_limit/core/local.hpp"
#include "rate_limit/core/policy.hpp"

namespace gatehouse::rate_limit {

enum class Mode : std::uint8_t { strict, lease, optimistic };

// $rate_limit_source: who decided.
enum class Source : std::uint8_t { none, redis, lease, deny_cache, local, error };

// What the states of a zone's keys are made of.
struct Shape {
    Policy policy;             // of the zone
    Mode mode = Mode::strict;  // for zones in Redis
    bool redis = false;
    bool local = true;  // algorithm state in memory: zones without Redis, on_error=local
    std::uint32_t hosts = 1;
    std::int64_t lease = 0;         // microseconds that leased requests may be spent in
    std::uint16_t unconfirmed = 0;  // optimistic: at most so many per key and node
};

// What to do with a request, as far as this node alone can say.
struct Step {
    enum class Kind : std::uint8_t {
        admit,   // counted; forward it
        refuse,  // verdict says until when
        ask,     // only Redis can say
    };
    Kind kind = Kind::ask;
    Source source = Source::none;
    Verdict verdict;

    // ask: this is the single probe of an exhausted key, which settle() or give_up() must end.
    bool probe = false;
    // optimistic and admitted: this place among the unconfirmed, freed by settle() or give_up().
    std::uint16_t place = 0;
    bool placed = false;
    // lease: requests to debit in Redis now; 0: none, or somebody else is asking already. With
    // `admit` it is done behind the request's back; with `ask` the request waits for it.
    std::uint32_t debit = 0;
    // When the place, or the leased requests that were spent, would have ended by themselves: tells
    // them from those of somebody else, which settle(), give_up() and take_back() leave alone.
    std::int64_t ends = 0;
};

struct Exhaustion;
class Lease;

// What this node knows about one key: a view of the payload of its slot, under the zone's lock, all
// zero for a new key. Aligned to 8. Times are microseconds of a clock that never goes back.
//
// Bytes, in this order; a zone without Redis has the last part only:
//   32  Exhaustion (exhaustion.hpp): deny cache and probes
//   32  Known: i64 when Redis has answered last, i64 when `remaining` grows, u32 tag of the policy,
//       u32 remaining, u8 window, u8 whether the local state was seeded with it
//   64  Lease (lease.hpp): with mode=lease
//    8  for each place of the unconfirmed, with mode=optimistic: i64 when it is free again
//    n  algorithm state (local.hpp): if `local`; in a zone in Redis that of a node's share
//
// Refusals out of the deny cache are as exact as Redis' answers are, with one exception: a lease
// that Redis could not grant in full is not asked for again within an eighth of its duration (or a
// quarter of a burst's, if that is shorter: by then nothing is lost), lest a key at its limit cost
// one debit per round trip.
class KeyState {
  public:
    static std::size_t size(const Shape& shape) noexcept;

    // `shape` outlives the view.
    KeyState(std::span<std::byte> payload, const Shape& shape) noexcept;

    // Zones in Redis: before it is asked. `policy` is the zone's or the request's own (rate=$var):
    // what is known of another one does not count. `patience`: how long an answer may take; a
    // probe, a place or a debit that was not ended within it ends by itself.
    Step consider(const Policy& policy, std::uint32_t cost, std::int64_t now,
                  std::int64_t patience) noexcept;

    // Redis has answered a charge of `cost` that was sent at `sent`. A refusal fills the deny
    // cache: until it ends (reckoned from `sent`, so never later than in Redis) requests of that
    // cost and above are refused here. Ends what `step` holds. A charge that would have passed, but
    // was not made because another key refused, is given up instead: its verdict counts it.
    void settle(const Step& step, const Policy& policy, std::uint32_t cost, const Verdict& verdict,
                std::int64_t sent, std::int64_t now) noexcept;

    // Redis has granted `granted` of a debit that was sent at `sent`; they end at sent + lease. A
    // request that has waited for them calls consider() again.
    void credit(const Policy& policy, std::uint32_t granted, const Verdict& verdict,
                std::int64_t sent, std::int64_t now) noexcept;

    // No answer: ends what `step` holds and changes nothing else.
    void give_up(const Step& step) noexcept;

    // Zones without Redis, and on_error=local: the whole policy, or the share of a node, which is
    // seeded from what Redis said last.
    Verdict charge_here(const Policy& policy, std::uint32_t cost, std::int64_t now) noexcept;

    // Takes back what `consider` has admitted (a leased request) or charge_here() has charged at
    // `charged_at`, because another limit refused the request.
    void take_back(const Step& step, const Policy& policy, std::uint32_t cost,
                   std::int64_t charged_at, std::int64_t now) noexcept;

    // Makes a new key what `old` knows about it. Both count the same, with other rates, perhaps.
    void carry_over(const KeyState& old, std::int64_t now) noexcept;

    // Until when the slot is worth keeping.
    std::int64_t expiry(const Policy& policy, std::int64_t now) const noexcept;

  private:
    struct Known;

    Step consider_strict(const Policy& policy, std::uint32_t cost, std::int64_t now,
                         std::int64_t patience) noexcept;
    Step consider_lease(const Policy& policy, std::uint32_t cost, std::int64_t now,
                        std::int64_t patience) noexcept;
    Step consider_optimistic(const Policy& policy, std::uint32_t cost, std::int64_t now,
                             std::int64_t patience) noexcept;
    Step refuse(std::int64_t now) const noexcept;
    Verdict presume(const Policy& policy, std::uint32_t cost, std::int64_t now) const noexcept;
    void learn(const Policy& policy, std::uint32_t cost, const Verdict& verdict, std::int64_t sent,
               std::int64_t now) noexcept;
    void end(const Step& step) noexcept;

    const Shape& shape_;
    // Views of the payload; null or empty for what the shape does not have.
    Exhaustion* exhaustion_ = nullptr;
    Known* known_ = nullptr;
    Lease* lease_ = nullptr;
    std::span<std::int64_t> places_;
    std::span<std::byte> local_;
};

}  // namespace gatehouse::rate_limit
