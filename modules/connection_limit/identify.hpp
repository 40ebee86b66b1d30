#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "connection_limit/conf.hpp"

namespace gatehouse::connection_limit {

// Who is counted: the value of a zone's key. Borrows texts from the request.
class Identity {
  public:
    Identity(const Zone& zone, base::KeyKind kind, std::string_view value) noexcept;

    base::Hash128 in(const Zone& zone, Domain domain) const noexcept {
        return zone.hash(domain, text());
    }

    // What may be shown of it: an address, as base::identity() writes it; empty for any other text.
    std::string_view subject() const noexcept {
        return borrowed_.empty() ? text() : std::string_view();
    }

  private:
    std::string_view text() const noexcept {
        return borrowed_.empty() ? std::string_view(storage_.data(), length_) : borrowed_;
    }

    std::array<char, 17> storage_;
    std::size_t length_ = 0;
    std::string_view borrowed_;  // empty: in the storage
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
