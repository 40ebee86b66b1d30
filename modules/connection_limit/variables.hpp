#pragma once

#include "ngx/api.hpp"

namespace gatehouse::connection_limit {

ngx_int_t add_variables(ngx_conf_t* cf);

}  // namespace gatehouse::connection_limit
