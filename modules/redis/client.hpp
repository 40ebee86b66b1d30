#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "ngx/api.hpp"
#include "redis/core/failure.hpp"
#include "redis/core/reply.hpp"
#include "redis/core/script.hpp"
#include "redis/core/waiter.hpp"

namespace gatehouse::redis {

struct Options;  // options.hpp: what a redis block of the configuration says

// One redis block in one worker: its servers, connections, time limits and breaker. Made in
// init_process, destroyed in exit_process (waiters that are left are not called then). Connects by
// itself, at once and again after failures, with jittered exponential back-off.
class Client {
  public:
    // `scripts` are loaded by each connection's handshake. `options` must outlive the client.
    // Throws std::bad_alloc.
    static std::unique_ptr<Client> make(const Options& options,
                                        std::span<const Script* const> scripts, ngx_log_t* log);
    virtual ~Client() = default;

    // False: a call for this key would be answered with Failure::down at once, because the server
    // is known to be away. Costs nothing.
    virtual bool usable(std::string_view key) const noexcept = 0;

    // Whether one call may name both keys (always, but for a cluster whose slots differ).
    virtual bool together(std::string_view key, std::string_view other) const noexcept = 0;

    // EVALSHA, repeated as EVAL after NOSCRIPT, and where MOVED or ASK say. All calls of one turn
    // of the event loop leave in one write. A call that may have been carried out is never
    // repeated. `keys`, of which there is one at
    // least, and `arguments` are copied. `waiter`: null if nobody cares. Returns none, or
    // down or full; then the waiter is not called. Throws std::bad_alloc, and then nothing
    // happened.
    virtual Failure call(const Script& script, std::span<const std::string_view> keys,
                         std::span<const std::string_view> arguments, Waiter* waiter) = 0;
};

}  // namespace gatehouse::redis
