#pragma once

#include <memory>
#include <span>

#include "redis/client.hpp"

namespace gatehouse::redis {

// The client of the master that sentinels name: options.servers are the sentinels.
std::unique_ptr<Client> make_sentinel_client(const Options& options,
                                             std::span<const Script* const> scripts,
                                             ngx_log_t* log);

}  // namespace gatehouse::redis
