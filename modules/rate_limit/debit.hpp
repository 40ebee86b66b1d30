#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "rate_limit/zone.hpp"
#include "redis/client.hpp"

namespace gatehouse::rate_limit {

struct Worker;

// Who waits until a lease has been debited. Destroying it ends the waiting.
class DebitWaiter {
  public:
    DebitWaiter() = default;
    DebitWaiter(const DebitWaiter&) = delete;
    DebitWaiter& operator=(const DebitWaiter&) = delete;
    virtual ~DebitWaiter() { leave(); }

    bool expects_debit() const noexcept { return queue_ != nullptr; }
    void leave() noexcept;

    // Called once, from the event loop: `failure` is none if the lease is in the zone's memory.
    virtual void debited(redis::Failure failure) noexcept = 0;

  private:
    friend class Debit;
    std::list<DebitWaiter*>* queue_ = nullptr;
    std::list<DebitWaiter*>::iterator place_;
};

// A key of a lease zone: what a debit is for. Borrows.
struct LeaseKey {
    const Zone& zone;
    const base::Hash128& slot;
    std::string_view redis_key;
    const Policy& policy;
};

// The debits that this worker has under way, at most one per key.
class Debit;
class Debits {
  public:
    explicit Debits(Worker& worker) noexcept;
    ~Debits();

    // Asks Redis for `requests` of the key, unless that is under way already. Returns none, or why
    // it cannot be done.
    redis::Failure start(const LeaseKey& key, std::uint32_t requests) noexcept;

    // Makes `waiter` wait for the one under way; false if there is none. Throws std::bad_alloc.
    bool join(const base::Hash128& slot, DebitWaiter& waiter);

  private:
    friend class Debit;

    Worker& worker_;

    struct Hash {
        std::size_t operator()(const base::Hash128& hash) const noexcept { return hash.low; }
    };
    // Slots are keyed hashes with a seed of their own for each zone: they tell zones apart, too.
    std::unordered_map<base::Hash128, std::unique_ptr<Debit>, Hash> under_way_;
};

}  // namespace gatehouse::rate_limit
