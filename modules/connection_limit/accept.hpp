#pragma once

#include "connection_limit/conf.hpp"

namespace gatehouse::connection_limit {

// Collects what the servers want of each port. To be called in postconfiguration, when nginx still
// knows which servers listen where. Throws std::bad_alloc.
ngx::ConfResult collect_ports(ngx_conf_t* cf, MainConf& conf);

// Puts itself before the handler of every listening socket that has limits. To be called in
// init_module: of the new cycle's sockets none has been accepted on yet.
void wrap_listeners(ngx_cycle_t* cycle, const MainConf& conf) noexcept;

}  // namespace gatehouse::connection_limit
