#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rate_limit/conf.hpp"
#include "rate_limit/debit.hpp"
#include "rate_limit/inquiry.hpp"

namespace gatehouse::rate_limit {

struct Worker;

// What was decided, and by which limit: the one that refused or, of those that passed, the one
// nearest to exhaustion.
struct Outcome {
    const Zone* zone = nullptr;  // null: no limit has counted this request
    Window window;
    Verdict verdict;
    Source source = Source::none;
    bool known = false;      // verdict says something: not where on_error=open or closed decided
    std::int64_t delay = 0;  // microseconds that the request has to wait
};

// One request before all limits of a place: all of them charge it, or none. What this node knows
// by itself (zones in memory, leases, deny caches) is asked first, because that costs nothing, then
// Redis, with one call for all keys that one call may name. What was charged is given back when a
// later limit refuses.
//
// Lives in the request's state; destroying it leaves tombstones for answers under way.
class Decision final : private Inquirer, private DebitWaiter {
  public:
    enum class State : std::uint8_t { waiting, passed, refused };

    // Throws std::bad_alloc.
    Decision(ngx_http_request_t* r, const LocConf& conf);

    // Goes on as far as it can. While it is waiting, the request has to be suspended; its phases
    // are run again when there is news. Throws std::bad_alloc.
    State advance();

    // Requires a state other than waiting.
    Outcome outcome() const noexcept;

  private:
    // How far a charge has come, and so what a refusal by another limit has to undo.
    enum class Held : std::uint8_t {
        nothing,
        asking,     // Redis has to say
        debiting,   // a debit for its lease is under way
        local,      // charged in this node's memory
        lease,      // taken from a lease
        unsent,     // admitted in advance; Redis is told when all limits agree
        redis,      // charged in Redis
        sent,       // admitted in advance, and Redis is being told: not to be undone
        uncounted,  // on_error=open
    };

    struct Charge {
        const Limit* limit = nullptr;
        const Zone* zone = nullptr;
        std::shared_ptr<const Policy> policy;  // the zone's, or one of the request's own
        std::uint32_t cost = 1;
        base::Hash128 slot;       // in the zone's memory
        std::string_view prefix;  // of its key in Redis
        base::Hash128 identity;   // there
        std::string redis_key;    // once it was needed: key_of()
        Step step;
        Held held = Held::nothing;
        Verdict verdict;
        Source source = Source::none;
        bool known = true;
        bool debited = false;         // a lease was asked for once: no second time
        std::int64_t charged_at = 0;  // local, lease: this node's clock; redis: that of Redis
    };

    void add(const Limit& limit);
    static std::string_view key_of(Charge& charge);
    bool usable(Charge& charge);

    void consider(Charge& charge);
    void start_debit(Charge& charge);
    void charge_here(Charge& charge) noexcept;
    void fall_back(Charge& charge) noexcept;
    void send(Charge& charge);

    // True: waiting for what it has asked for.
    bool ask(Charge& first);
    bool wait_for_debit(Charge& charge);

    void refuse(Charge& charge, const Verdict& verdict, Source source) noexcept;
    void roll_back();
    void undo(Charge& charge);
    Charge* first(Held held) noexcept;
    std::int64_t delay() const noexcept;
    void wake() noexcept;

    void told(const ChargeReply* answer, std::span<const Charged> charged) noexcept override;
    void debited(redis::Failure failure) noexcept override;

    ngx_http_request_t* const request_;
    Worker& worker_;
    std::vector<Charge> charges_;
    std::vector<Charge*> asked_;  // by the call under way
    const Charge* refused_ = nullptr;
    bool considered_ = false;
};

}  // namespace gatehouse::rate_limit
