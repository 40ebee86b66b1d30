#pragma once

#include "connection_limit/conf.hpp"

namespace gatehouse::connection_limit {

// Collects what the servers want of each address. To be called in postconfiguration, when nginx
// still knows which servers listen where. Throws std::bad_alloc.
ngx::ConfResult collect_listeners(ngx_conf_t* cf, MainConf& conf);

}  // namespace gatehouse::connection_limit
