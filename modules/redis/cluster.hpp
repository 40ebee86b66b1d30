#pragma once

#include <memory>
#include <span>

#include "redis/client.hpp"

namespace gatehouse::redis {

// The client of a cluster: options.servers are where to ask for its map. Calls go to the node that
// serves the slot of their first key.
std::unique_ptr<Client> make_cluster_client(const Options& options,
                                            std::span<const Script* const> scripts, ngx_log_t* log);

}  // namespace gatehouse::redis
