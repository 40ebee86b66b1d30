#include "redis/client.hpp"

#include "redis/options.hpp"
#include "redis/single.hpp"

namespace gatehouse::redis {

std::unique_ptr<Client> Client::make(const Options& options, std::span<const Script* const> scripts,
                                     ngx_log_t* log) {
    return make_single_client(options, scripts, log);
}

}  // namespace gatehouse::redis
