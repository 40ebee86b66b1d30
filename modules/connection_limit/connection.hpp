#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "connection_limit/zone.hpp"
#include "ngx/api.hpp"

namespace gatehouse::connection_limit {

// One lease of this process, returned when it is destroyed.
class Lease {
  public:
    Lease() noexcept = default;
    Lease(Zone& zone, std::uint32_t lease) noexcept : zone_(&zone), lease_(lease) {}
    Lease(Lease&& other) noexcept { *this = std::move(other); }
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { end(); }

    void end() noexcept;
    bool held() const noexcept { return zone_ != nullptr; }
    bool is_of(const Zone& zone) const noexcept { return zone_ == &zone; }

  private:
    Zone* zone_ = nullptr;
    std::uint32_t lease_ = 0;
};

// What a connection of a client holds for connection_limit, from the first limit that it meets
// until it is closed. Lives in the connection's pool: of HTTP/2 and HTTP/3 that of the connection
// under the streams.
class Connection {
  public:
    // Throws std::bad_alloc.
    static Connection& obtain(ngx_connection_t* c);

    bool holds(const Zone& zone, const base::Hash128& key) const noexcept;

    // For a lease of `key` to be taken; null: a connection whose requests name ever new keys holds
    // enough. The place is good until the next call. Throws std::bad_alloc.
    Lease* vacancy(const base::Hash128& key);

    // Ends the `count` leases that were taken last.
    void give_back(std::size_t count) noexcept;

  private:
    void forget_vacancies() noexcept;

    static constexpr std::size_t kMost = 16;

    struct Held {
        base::Hash128 key;
        Lease lease;
    };
    std::vector<Held> held_;
};

// What it holds for connection_limit_accept, by the place of the limit among those of the address.
struct Accepted {
    static constexpr std::size_t kMost = 4;

    // Null if it holds nothing.
    static Accepted* find(const ngx_connection_t* c) noexcept;

    std::array<Lease, kMost> connected;
    std::array<Lease, kMost> handshakes;  // until it has sent a request header
};

// The connection that the client has made, which the streams of `r` run on.
ngx_connection_t* client_connection(const ngx_http_request_t* r) noexcept;

// What came of asking for a lease.
struct Attempt {
    bool refused = false;
    std::uint32_t count = 0;  // leases of the key now
};

// Takes a lease for at most `most` of `key` into `lease`, and does what settle() does.
Attempt take(Zone& zone, const base::Hash128& key, std::uint32_t most, Counter refusal,
             Lease& lease, ngx_log_t* log) noexcept;

// The rest of it, after the lock: what has come of it is counted, a refusal as `refusal`. A zone
// that is full does as on_full says, and says so in the log.
Attempt settle(Zone& zone, const LeaseTable::Taken& taken, Counter refusal, Lease& lease,
               ngx_log_t* log) noexcept;

// There is no room to count this connection or request: whether it is refused for that.
bool refused_as_full(Zone& zone, ngx_log_t* log) noexcept;

}  // namespace gatehouse::connection_limit
