#pragma once

#include <array>
#include <cstdint>

#include "connection_limit/zone.hpp"
#include "ngx/api.hpp"

namespace gatehouse::connection_limit {

// One lease of this process, returned when it is destroyed.
class Lease {
  public:
    Lease() noexcept = default;
    Lease(Zone& zone, const base::Hash128& key, std::uint32_t lease) noexcept
        : zone_(&zone), key_(key), lease_(lease) {}
    Lease(Lease&& other) noexcept { *this = std::move(other); }
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { end(); }

    void end() noexcept;
    bool held() const noexcept { return zone_ != nullptr; }
    bool is_of(const Zone& zone, const base::Hash128& key) const noexcept {
        return zone_ == &zone && key_ == key;
    }

  private:
    Zone* zone_ = nullptr;
    base::Hash128 key_;
    std::uint32_t lease_ = 0;
};

// What a connection of a client holds, from the first limit that it meets until it is closed. Lives
// in the connection's pool: of HTTP/2 and HTTP/3 that of the connection under the streams.
class Connection {
  public:
    static constexpr std::size_t kMost = 16;

    // Null if it holds nothing.
    static Connection* find(const ngx_connection_t* c) noexcept;
    // Throws std::bad_alloc.
    static Connection& obtain(ngx_connection_t* c);

    bool holds(const Zone& zone, const base::Hash128& key) const noexcept;

    // For a lease to be taken; null: a connection whose requests name ever new keys holds enough.
    Lease* vacancy() noexcept;

    // The leases of connections that have not sent a request header yet: they end here.
    void shake_hands() noexcept;

    // The leases of connection_limit_accept, by its place among those of the address.
    static constexpr std::size_t kMostAccepted = 4;
    Lease& accepted(std::size_t i) noexcept { return accepted_[i]; }
    Lease& handshake(std::size_t i) noexcept { return handshakes_[i]; }

  private:
    std::array<Lease, kMost> leases_;
    std::array<Lease, kMostAccepted> accepted_;
    std::array<Lease, kMostAccepted> handshakes_;
};

// The connection that the client has made, which the streams of `r` run on.
ngx_connection_t* client_connection(const ngx_http_request_t* r) noexcept;

// The result of asking for a lease.
struct Attempt {
    bool refused = false;
    std::uint32_t count = 0;  // leases of the key now
};

// Takes a lease for at most `most` of `key` into `lease`. What comes of it is counted, a refusal as
// `refusal`. A zone that is full does as on_full says, and says so in the log.
Attempt take(Zone& zone, const base::Hash128& key, std::uint32_t most, Counter refusal,
             Lease& lease, ngx_log_t* log) noexcept;

// There is no room to count this connection or request: whether it is refused for that.
bool refused_as_full(Zone& zone, ngx_log_t* log) noexcept;

}  // namespace gatehouse::connection_limit
