#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "ngx/event.hpp"
#include "redis/core/queue.hpp"
#include "redis/node.hpp"

namespace gatehouse::redis {

// The calls of a worker's first moments, when it is not known yet which server they are for: a
// reload must not cost anybody an answer. Open from the beginning, and closed for good by the first
// news, good or bad, and by the first call's having waited for as long as it may.
class EarlyCalls {
  public:
    explicit EarlyCalls(Context& context) noexcept;

    bool open() const noexcept { return open_; }

    // As Client::call(). Requires open().
    Failure add(const Script& script, std::span<const std::string_view> keys,
                std::span<const std::string_view> arguments, Waiter* waiter);

    // `take` gets each call and the cluster slot of its first key. What it leaves fails.
    template <class Take>
    void deliver(Take take) noexcept {
        for (Early& early : close()) {
            take(early.call, early.slot);
            give_up(early);
        }
    }

    void fail() noexcept;

  private:
    struct Early {
        CallPool::Handle call;
        std::uint16_t slot;
    };

    std::vector<Early> close() noexcept;
    static void give_up(Early& early) noexcept;

    Context& context_;
    bool open_ = true;
    std::vector<Early> calls_;
    ngx::Timer timer_;
};

}  // namespace gatehouse::redis
