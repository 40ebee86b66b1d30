#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ngx/event.hpp"
#include "ngx/peer.hpp"
#include "redis/core/handshake.hpp"
#include "redis/core/queue.hpp"
#include "redis/core/reply.hpp"

namespace gatehouse::redis {

struct TimeLimits {
    ngx_msec_t connect = 0;  // from nothing to the end of the handshake
    ngx_msec_t answer = 0;   // to each call
};

// One pipelined connection to a server: calls go out in one write per turn of the event loop,
// answers come back in their order. Knows nothing of reconnecting, nor of what an error reply
// asks for.
class Connection final : private ngx::Peer::Owner {
  public:
    // None of these may destroy the connection or connect it anew.
    class Owner {
      public:
        // `problem`: what the server denied and can be done without; empty: nothing.
        virtual void ready(std::string_view problem) noexcept = 0;

        // It has ended, is closed and may be connected anew from now on, though not yet. The calls
        // that were waiting are told afterwards. `was_ready`: the handshake had been passed.
        virtual void ended(Failure failure, std::string_view reason, bool was_ready) noexcept = 0;

        // `call` was answered with an error reply.
        virtual void refused(CallPool::Handle call, std::string_view error) noexcept = 0;

        // Call::probe was answered, and not with an error.
        virtual void probe_answered() noexcept = 0;

      protected:
        ~Owner() = default;
    };

    // All must outlive the connection.
    Connection(Owner& owner, CallPool& pool, TimeLimits limits, ngx_log_t* log);

    // Requires closed(). False: failed at once, the owner is not told; reason() says why.
    // Throws std::bad_alloc.
    bool connect(const ngx::Address& address, const ngx::TlsPeer* tls,
                 const HandshakeOptions& handshake);

    // Ends it as if the server had: Owner::ended() is told inside. `failure`: of the call that is
    // next.
    void give_up(Failure failure, std::string_view reason) noexcept;

    bool closed() const noexcept { return state_ == State::closed; }
    bool ready() const noexcept { return state_ == State::ready; }
    std::size_t pending() const noexcept { return queue_.size(); }
    std::string_view reason() const noexcept { return peer_.reason(); }

    // Takes the call, to be sent at the end of the turn or of the handshake; with `first` before
    // it, of which nobody wants to know the answer. Requires !closed(). Throws std::bad_alloc; the
    // calls are not taken, then.
    void submit(CallPool::Handle& call);
    void submit(CallPool::Handle& first, CallPool::Handle& call);

    // A deadline for a call that is submitted now.
    Milliseconds deadline() const noexcept {
        return ngx_current_msec + limits_.answer + (ready() ? 0 : limits_.connect);
    }

  private:
    enum class State : std::uint8_t { closed, opening, handshaking, ready };

    void opened() override;
    void unopened() override;
    void readable() override;
    void writable() override;

    template <class Function>
    void guarded(Function function) noexcept;
    void flush();
    void connect_expired();
    void head_expired();
    void ping();
    void begin();
    void write(std::string_view first, std::string_view second);
    void send();
    void receive();
    void take(const Reply& reply);
    void take_handshake(const Reply& reply);
    void watch_head() noexcept;
    void end(Failure first, Failure others, std::string_view reason) noexcept;

    Owner& owner_;
    CallPool& pool_;
    const TimeLimits limits_;
    State state_ = State::closed;
    ngx::Peer peer_;
    Reader reader_;
    std::optional<Handshake> handshake_;
    Queue queue_;
    std::string output_;  // what has not been sent yet begins at sent_
    std::size_t sent_ = 0;
    ngx::Posted flush_;
    ngx::Timer connect_timer_;
    ngx::Timer head_timer_;  // a worker that exits waits for it while calls wait
    ngx::Timer ping_timer_;
};

}  // namespace gatehouse::redis
