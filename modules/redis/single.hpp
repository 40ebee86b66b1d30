#pragma once

#include <memory>
#include <span>

#include "redis/client.hpp"

namespace gatehouse::redis {

// The client of one server, or of several that stand in for one another.
std::unique_ptr<Client> make_single_client(const Options& options,
                                           std::span<const Script* const> scripts, ngx_log_t* log);

}  // namespace gatehouse::redis
