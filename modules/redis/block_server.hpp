#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ngx/conf.hpp"
#include "redis/options.hpp"

namespace gatehouse::redis {

// The value of one `server`: `host`, `host:port`, `[IPv6]`, `[IPv6]:port` or `unix:path`, the path
// relative to nginx's prefix. No name is resolved, but `localhost` is 127.0.0.1. `problem`, the
// whole message, is empty on success.
struct ParsedServer {
    Server server;
    std::string problem;
};
ParsedServer parse_server(ngx_conf_t* cf, std::string_view text, std::uint16_t default_port);

inline bool is_unix(const Server& server) noexcept { return server.port == 0; }

// Whether it can be connected to without a resolver.
bool has_address(const Server& server) noexcept;

// Whether nobody on a network can listen to what is sent there.
bool is_local(const Server& server) noexcept;

}  // namespace gatehouse::redis
