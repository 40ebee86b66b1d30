#pragma once

#include <optional>

#include "connection_limit/conf.hpp"

namespace gatehouse::connection_limit {

// Where the key of a zone is found for this request; nothing if the key is empty. Throws
// std::bad_alloc.
std::optional<base::Hash128> identify(ngx_http_request_t* r, const Zone& zone);

// The same for who has made a connection, of which no request is known; nothing for peers without
// an address. Zones of connection_limit_accept only.
std::optional<base::Hash128> identify(const ngx_connection_t* c, const Zone& zone) noexcept;

// What the lists say about an address for a zone: the first that contains it.
std::optional<Action> listed(const std::vector<List>& lists, const Zone& zone,
                             const sockaddr* address) noexcept;

}  // namespace gatehouse::connection_limit
