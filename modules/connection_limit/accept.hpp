#pragma once

#include "connection_limit/conf.hpp"

namespace gatehouse::connection_limit {

// Puts itself before the handler of every listening socket that has limits. To be called in
// init_module: of the new cycle's sockets none has been accepted on yet.
void wrap_listeners(ngx_cycle_t* cycle, const MainConf& conf) noexcept;

}  // namespace gatehouse::connection_limit
