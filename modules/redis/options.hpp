#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ngx/conf.hpp"

namespace gatehouse::redis {

// single: one server; several `server` are tried in turn until one of them answers.
// cluster: any of the nodes, to ask for the others. sentinel: the sentinels, not the servers.
enum class Topology : std::uint8_t { single, cluster, sentinel };

struct Server {
    std::string name;    // as configured, `host:port` or `unix:path`: for messages
    std::string host;    // an address, or a name for the resolver; or the path of a unix socket
    in_port_t port = 0;  // 0: unix socket
    ngx::ConfPlace place;
};

struct Tls {
    // Lives as long as the cycle. It refuses peers whose chain it cannot verify; whose name the
    // certificate bears is for the connection to check (ngx_ssl_check_host).
    ngx_ssl_t* context = nullptr;
    std::string name;  // tls_name: verified instead of the host, also for SNI
};

// What a redis block says. Lives in the cycle's pool.
struct Options {
    std::string name;      // of the block
    ngx::ConfPlace place;  // of its first line
    std::vector<Server> servers;
    Topology topology = Topology::single;
    std::string master;  // sentinel: the master's name
    std::string username;
    std::string password;
    ngx_uint_t database = 0;
    std::optional<Tls> tls;
    ngx_msec_t connect_timeout = 50;
    ngx_msec_t timeout = 20;
    std::size_t max_pending = 4096;              // calls waiting, per worker and connection
    ngx_http_complex_value_t* prefix = nullptr;  // of keys; null: none
    std::string identity_secret;                 // empty: none

    // Set by finish(). The resolver is null if there is none: then no server needs one, but a
    // cluster or a sentinel may still name hosts that cannot be reached without.
    ngx_resolver_t* resolver = nullptr;
    ngx_msec_t resolver_timeout = 0;
};

}  // namespace gatehouse::redis
