#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ngx/log_gate.hpp"
#include "ngx/resolution.hpp"
#include "redis/connection.hpp"
#include "redis/core/address.hpp"
#include "redis/core/backoff.hpp"
#include "redis/core/breaker.hpp"
#include "redis/core/error_reply.hpp"
#include "redis/options.hpp"

namespace gatehouse::redis {

// What all nodes of a client share; outlives them.
struct Context {
    Context(const Options& wanted, std::span<const Script* const> loaded, ngx_log_t* where)
        : options(wanted), scripts(loaded.begin(), loaded.end()), log(where) {}

    const Options& options;
    std::vector<const Script*> scripts;
    ngx_log_t* log;
    CallPool calls;
};

// An address that a cluster or a sentinel gave. Throws std::bad_alloc.
Server server_at(const Address& address);

// A server, or several of which one is enough, and the connection to it: connects by itself, at
// once and after failures, and does what error replies ask for.
class Node final : private Connection::Owner, private ngx::Resolution::Owner {
  public:
    class Owner {
      public:
        // MOVED or ASK. A call that is not taken fails.
        virtual void redirect(Node& node, CallPool::Handle& call,
                              const ErrorReply& error) noexcept = 0;
        virtual void up(Node& node) noexcept = 0;
        // Its connection has ended or could not be made.
        virtual void down(Node& node) noexcept = 0;

      protected:
        ~Owner() = default;
    };

    // What the server is asked for and must be.
    enum class Purpose : std::uint8_t { calls, calls_of_master, sentinel };

    // `servers` may be empty until move_to(). Throws std::bad_alloc.
    Node(Context& context, Owner& owner, Purpose purpose, std::vector<Server> servers);

    // Connects, for the first time.
    void start() noexcept { attempt(); }

    // Other servers from now on. What waits for the present one is told that it is lost.
    void move_to(std::vector<Server> servers) noexcept;

    // Gives the server up that is in use and goes on with the next. `reason`: for the log; empty:
    // not worth a line.
    void next_server(std::string_view reason) noexcept;

    // Requires a node that has servers.
    const Server& server() const noexcept { return servers_[server_]; }

    // False: the next call would be answered with Failure::down. So it is while a name is being
    // resolved, which may take far longer than anyone may wait.
    bool usable() const noexcept;
    bool ready() const noexcept { return connection_.ready(); }
    std::size_t pending() const noexcept { return connection_.pending(); }

    // As Client::call(). Commands of the client itself need a connection that is there.
    Failure call(const Script& script, std::span<const std::string_view> keys,
                 std::span<const std::string_view> arguments, Waiter* waiter);
    Failure command(std::initializer_list<std::string_view> words, Waiter* waiter);

    // A call that another node has redirected here, after ASKING if `ask`; taken unless the result
    // is a failure. Throws std::bad_alloc.
    Failure take_over(CallPool::Handle& call, bool ask);

  private:
    void ready(std::string_view problem) noexcept override;
    void ended(Failure failure, std::string_view reason, bool was_ready) noexcept override;
    void refused(CallPool::Handle call, std::string_view error) noexcept override;
    void probe_answered() noexcept override;
    void resolved(std::vector<ngx::Address> addresses) noexcept override;

    void attempt() noexcept;
    void find_addresses();
    void connect() noexcept;
    void failed(std::string_view reason) noexcept;
    bool advance() noexcept;
    void repeat_with_text(CallPool::Handle& call) noexcept;
    void punish(ErrorClass error_class, std::string_view error, bool own) noexcept;
    Failure submit(CallPool::Handle& call, Waiter* waiter);
    HandshakeOptions handshake() const noexcept;
    void leave() noexcept;
    void log_down(std::string_view reason) noexcept;
    void log(ngx_uint_t level, std::string_view what, std::string_view detail = {}) const noexcept;

    Context& context_;
    Owner& owner_;
    const Purpose purpose_;
    std::vector<Server> servers_;
    std::size_t server_ = 0;               // the one in use
    std::size_t tried_ = 0;                // how many in turn without success
    std::vector<ngx::Address> addresses_;  // of the server in use
    std::size_t address_ = 0;
    unsigned failures_ = 0;  // since the connection was last good for a while
    ngx_msec_t ready_since_ = 0;
    bool logged_down_ = false;
    std::size_t down_reason_ = 0;  // a hash of the one that was logged
    std::size_t down_server_ = 0;  // of which that was said
    ngx::LogGate down_gate_;
    ngx::LogGate refusal_gate_;
    Backoff backoff_;
    Breaker breaker_;
    ngx::Timer retry_;
    ngx::Resolution resolution_;
    Connection connection_;
};

}  // namespace gatehouse::redis
