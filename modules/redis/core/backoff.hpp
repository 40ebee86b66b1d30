#pragma once

#include <chrono>
#include <cstdint>

namespace gatehouse::redis {

// How long to wait before the next attempt to connect: 50 ms, doubled by each failure up to 2 s,
// of which half is random, so that the workers of all nodes do not come back at the same moment.
class Backoff {
  public:
    static constexpr std::chrono::milliseconds kInitial{50};
    static constexpr std::chrono::milliseconds kMax{2000};

    // `random`: uniformly distributed.
    std::chrono::milliseconds next(std::uint32_t random) noexcept;
    void reset() noexcept { ceiling_ = kInitial; }

  private:
    std::chrono::milliseconds ceiling_ = kInitial;
};

}  // namespace gatehouse::redis
