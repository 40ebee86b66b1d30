#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rate_limit/conf.hpp"
#include "rate_limit/core/scripts.hpp"
#include "rate_limit/debit.hpp"
#include "redis/client.hpp"

namespace gatehouse::rate_limit {

// What was decided, and by which limit: the one that refused or, of those that passed, the one
// nearest to exhaustion.
struct Outcome {
    const Zone* zone = nullptr;  // null: no limit counted this request
    Window window;
    Verdict verdict;
    Source source = Source::none;
    bool known = false;        // verdict says something: not after on_error=open
    bool unavailable = false;  // refused by on_error=closed
    std::int64_t delay = 0;    // microseconds that the request has to wait
};

// One request before all limits of a place: all of them charge it, or none. Zones in memory, leases
// and deny caches are asked first, because that costs nothing, then Redis, with one call for all
// the keys that one call may name; what was charged is given back when a later one refuses.
//
// Lives in the request's state; destroying it leaves tombstones for answers under way.
class Decision final : private redis::Waiter, private DebitWaiter {
  public:
    enum class State : std::uint8_t { waiting, passed, refused };

    // Throws std::bad_alloc.
    Decision(ngx_http_request_t* r, const LocConf& conf);

    // Goes on as far as it can. While it is waiting, `r` has to be suspended; its phases are run
    // again when there is news.
    State advance();

    // Whether any limit applies; none does if all keys are empty or all costs 0.
    bool empty() const noexcept { return charges_.empty(); }

    // Requires a state other than waiting.
    Outcome outcome() const noexcept;

  private:
    // How much of a charge is done, and so what a refusal by another limit has to undo.
    enum class Held : std::uint8_t {
        nothing,
        asking,     // Redis has to say, or is asked right now
        local,      // charged in this node's memory
        lease,      // taken from a lease
        unsent,     // admitted in advance; Redis is told when all limits agree
        redis,      // charged in Redis
        uncounted,  // on_error=open
    };

    struct Charge {
        const Limit* limit;
        const Zone* zone;
        Policy policy;
        std::uint32_t cost = 1;
        base::Hash128 slot;     // in the zone's memory
        std::string redis_key;  // empty: zone without Redis
        Step step;
        Held held = Held::nothing;
        Verdict verdict;
        Source source = Source::none;
        bool known = true;
        bool tried_debit = false;
        std::int64_t charged_at = 0;  // local: this node's clock; redis: that of Redis
    };

    void add(const Limit& limit);
    Policy policy_of(const Limit& limit) const;
    std::uint32_t cost_of(const Limit& limit) const;

    // Each false: refused, and refused_ says by whom.
    bool consider_all();
    bool consider(Charge& charge);
    bool charge_here(Charge& charge, const Policy& policy);
    bool fall_back(Charge& charge);
    bool send_unsent();

    bool ask_next();
    bool wait_for_debit(Charge& charge);
    void take(const redis::Reply& reply);
    void refuse(Charge& charge, const Verdict& verdict, Source source);
    void roll_back() noexcept;
    void wake();

    void answered(const redis::Reply& reply) noexcept override;
    void failed(redis::Failure failure) noexcept override;
    void debited() noexcept override;

    ngx_http_request_t* const request_;
    std::vector<Charge> charges_;
    std::vector<Charge*> asked_;  // of the call under way
    std::int64_t sent_ = 0;
    Charge* refused_ = nullptr;
    bool considered_ = false;
    bool failed_ = false;  // the call under way had no answer
};

}  // namespace gatehouse::rate_limit
