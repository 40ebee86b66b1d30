#pragma once

#include "redis/core/failure.hpp"
#include "redis/core/reply.hpp"

namespace gatehouse::redis {

struct Call;

// Who waits for the answer to one call. Embedded in the object that waits; destroying it, or
// calling forget(), before the answer is there leaves a tombstone in the queue: the answer is read
// and dropped, and nobody else gets it.
class Waiter {
  public:
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    virtual ~Waiter() { forget(); }

    void forget() noexcept;
    bool waiting() const noexcept { return call_ != nullptr; }

    // Called exactly once per call, from the event loop, never from within Client::call(). The
    // waiter may be destroyed, or make another call, inside. `reply` is never an error reply.
    virtual void answered(const Reply& reply) noexcept = 0;
    virtual void failed(Failure failure) noexcept = 0;

  private:
    friend struct Call;
    Call* call_ = nullptr;
};

}  // namespace gatehouse::redis
