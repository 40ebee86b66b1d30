#pragma once

#include <set>
#include <utility>

#include "jwt/core/token.hpp"
#include "jwt/key_cache.hpp"
#include "jwt/warnings.hpp"

namespace gatehouse::jwt {

// What one worker process remembers from request to request.
struct Worker {
    KeyCache keys;
    HeaderCache headers;
    std::set<std::pair<const LocConf*, Warning>> warned;
};

// Requires a process that handles requests, between init_process and exit_process.
Worker& worker();

// A process that is master and worker in one keeps its worker over a reload, but not the keys and
// the warnings: they are known by addresses in the old configuration.
ngx_int_t renew_worker(ngx_cycle_t* cycle);
ngx_int_t create_worker(ngx_cycle_t* cycle);
void destroy_worker(ngx_cycle_t* cycle);

}  // namespace gatehouse::jwt
