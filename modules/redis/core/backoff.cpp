#include "redis/core/backoff.hpp"

#include <algorithm>

namespace gatehouse::redis {

std::chrono::milliseconds Backoff::next(std::uint32_t random) noexcept {
    const std::chrono::milliseconds half = ceiling_ / 2;
    const std::chrono::milliseconds jitter(random % (half.count() + 1));
    const std::chrono::milliseconds wait = ceiling_ - half + jitter;
    ceiling_ = std::min(ceiling_ * 2, kMax);
    return wait;
}

}  // namespace gatehouse::redis
