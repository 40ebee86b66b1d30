#include "redis/client.hpp"

#include "redis/cluster.hpp"
#include "redis/options.hpp"
#include "redis/sentinel.hpp"
#include "redis/single.hpp"

namespace gatehouse::redis {

std::unique_ptr<Client> Client::make(const Options& options, std::span<const Script* const> scripts,
                                     ngx_log_t* log) {
    switch (options.topology) {
    case Topology::cluster:
        return make_cluster_client(options, scripts, log);
    case Topology::sentinel:
        return make_sentinel_client(options, scripts, log);
    case Topology::single:
        break;
    }
    return make_single_client(options, scripts, log);
}

}  // namespace gatehouse::redis
