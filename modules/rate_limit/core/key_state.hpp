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
};

// What this node knows about one key: a view of the payload of its slot, under the zone's lock, all
// zero for a new key. Times are microseconds of a clock that never goes back.
//
// (layout: documented here byte by byte)
class KeyState {
  public:
    static std::size_t size(const Shape& shape) noexcept;

    KeyState(std::span<std::byte> payload, const Shape& shape) noexcept;

    // Before Redis is asked. `policy` is the zone's or the request's own (rate=$var): what is known
    // of another one does not count. `patience`: how long an answer may take; a probe, a place or a
    // debit that was not ended within it ends by itself.
    Step consider(const Policy& policy, std::uint32_t cost, std::int64_t now,
                  std::int64_t patience) noexcept;

    // Redis has answered a charge of `cost` that was sent at `sent`. A refusal fills the deny
    // cache: until it ends (reckoned from `sent`, so never later than in Redis) requests of that
    // cost and above are refused here. Ends what `step` holds.
    void settle(const Step& step, const Policy& policy, std::uint32_t cost, const Verdict& verdict,
                std::int64_t sent, std::int64_t now) noexcept;

    // Redis has granted `granted` of a debit that was sent at `sent`; they end at sent + lease.
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

    std::int64_t expiry(const Policy& policy, std::int64_t now) const noexcept;

  private:
    // ...
};

}  // namespace gatehouse::rate_limit
