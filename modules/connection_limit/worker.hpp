#pragma once

#include "ngx/api.hpp"

namespace gatehouse::connection_limit {

// init_module: the new configuration holds.
ngx_int_t take_over(ngx_cycle_t* cycle);
ngx_int_t create_worker(ngx_cycle_t* cycle);
void destroy_worker(ngx_cycle_t* cycle);

}  // namespace gatehouse::connection_limit
