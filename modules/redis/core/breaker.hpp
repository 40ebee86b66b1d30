#pragma once

#include <cstdint>

#include "redis/core/backoff.hpp"

namespace gatehouse::redis {

// Stops calls to a server that is there and refuses them. From time to time one goes through all
// the same and finds out whether that is over.
class Breaker {
  public:
    bool is_open() const noexcept { return open_; }

    // `now`: milliseconds of a monotonic clock; `random`: uniformly distributed.
    bool lets_pass(std::uint64_t now) const noexcept { return !open_ || is_due(now); }

    // Requires is_open() and lets_pass(). The call is a probe: others have to wait for what comes
    // of it, or for the next interval.
    void probe(std::uint64_t now, std::uint32_t random) noexcept {
        until_ = now + interval(random);
    }

    // All calls that were under way when the server began to refuse count once.
    void trip(std::uint64_t now, std::uint32_t random) noexcept {
        if (!open_) {
            open_ = true;
            until_ = now + interval(random);
        }
    }

    void close() noexcept {
        open_ = false;
        backoff_.reset();
    }

  private:
    bool is_due(std::uint64_t now) const noexcept {
        return static_cast<std::int64_t>(now - until_) >= 0;
    }
    std::uint64_t interval(std::uint32_t random) noexcept {
        return static_cast<std::uint64_t>(backoff_.next(random).count());
    }

    bool open_ = false;
    std::uint64_t until_ = 0;
    Backoff backoff_;
};

}  // namespace gatehouse::redis
