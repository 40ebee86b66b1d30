#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "connection_limit/conf.hpp"

namespace gatehouse::connection_limit {

// Who is counted: the value of a zone's key, as hashes.
class Identity {
  public:
    Identity(const Zone& zone, base::KeyKind kind, std::string_view value) noexcept;

    // Where it is found in the zone's tables. The same client is counted apart as one with
    // requests, as one that is connected and as one that has not sent a request header yet.
    const base::Hash128& as_client() const noexcept { return key_; }
    base::Hash128 as_connected() const noexcept { return mixed(0x9e3779b97f4a7c15); }
    base::Hash128 as_handshake() const noexcept { return mixed(0xbf58476d1ce4e5b9); }

    // What may be shown of it: an address, as base::identity() writes it; empty for any other text.
    std::string_view subject() const noexcept { return {storage_.data(), length_}; }

  private:
    // Different keys stay different, as the factor is odd, and the high bits, which choose the
    // places in a table, have nothing to do with what they were: one client's records do not crowd
    // each other out.
    base::Hash128 mixed(std::uint64_t odd) const noexcept {
        return {key_.low * odd, key_.high * odd};
    }

    base::Hash128 key_;
    std::array<char, 17> storage_;
    std::size_t length_ = 0;
};

// Nothing if the key is empty, or the address of a peer that has none (a unix socket's). Throws
// std::bad_alloc.
std::optional<Identity> identify(ngx_http_request_t* r, const Zone& zone);

// The same for who has made a connection, of which no request is known. Zones whose key is an
// address only.
std::optional<Identity> identify(const ngx_connection_t* c, const Zone& zone) noexcept;

// What the lists say about an address for a zone: the first that contains it.
std::optional<Action> listed(const std::vector<List>& lists, const Zone& zone,
                             const sockaddr* address) noexcept;

}  // namespace gatehouse::connection_limit
