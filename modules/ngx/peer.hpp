#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "ngx/address.hpp"
#include "ngx/captured_log.hpp"
#include "ngx/guard.hpp"

namespace gatehouse::ngx {

// TLS towards a peer: its certificate must be valid and name `name`, a host name or an IP address,
// before a byte of ours is sent.
struct TlsPeer {
    ngx_ssl_t* context;
    std::string_view name;
};

// One outgoing stream connection on nginx's event loop. Leaves it to its owner to say in the log
// what reason() tells.
class Peer {
  public:
    // Called from the event loop only; the peer may be closed or connected anew inside, not
    // destroyed.
    class Owner {
      public:
        virtual void opened() = 0;    // connected; with TLS: and verified
        virtual void unopened() = 0;  // the attempt has failed
        virtual void readable() = 0;  // receive() until there is nothing
        virtual void writable() = 0;  // send() what is left

      protected:
        ~Owner() = default;
    };

    // `log` must outlive the peer.
    Peer(Owner& owner, ngx_log_t* log) noexcept;
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() { close(); }

    // False: it failed at once, and the owner is not called. Requires a closed peer. The strings
    // behind `tls` must live until opened(). Throws std::bad_alloc.
    bool connect(const Address& address, const TlsPeer* tls);
    void close() noexcept;

    // Require an open peer. The number of bytes moved, 0 if there is nothing (no room) now;
    // nothing: the connection has ended.
    std::optional<std::size_t> receive(std::span<char> buffer) noexcept;
    std::optional<std::size_t> send(std::span<const char> bytes) noexcept;

    // There is more to read, but others are to have their turn.
    void read_later() noexcept;
    // The kernel has reported bytes that have not been read yet.
    bool pending() const noexcept { return c_ != nullptr && c_->read->ready != 0; }

    // Why the latest failure was one, for the log, in nginx's words. Valid until the next
    // connect().
    std::string_view reason() const noexcept {
        return log_.last().empty() ? "the connection failed" : log_.last();
    }

  private:
    enum class State : std::uint8_t { connecting, handshaking, open };

    static void on_event(ngx_event_t* event);
    void connected();
    void fail();
    bool start_tls();
    void finish_tls();
    bool verify_tls();
    static void on_handshake(ngx_connection_t* c);

    Owner& owner_;
    CapturedLog log_;
    ngx_connection_t* c_ = nullptr;
    State state_ = State::connecting;
    std::optional<TlsPeer> tls_;
};

}  // namespace gatehouse::ngx
