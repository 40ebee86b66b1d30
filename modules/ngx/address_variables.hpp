#pragma once

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// $remote_addr_prefix_1 to _128, and the same of $realip_remote_addr and $proxy_protocol_addr: the
// address that the variable without `_prefix_N` is, of IPv6 only the first N bits. Keys of zones
// that are more than an address are made of them. All modules with zones add them, and whichever is
// loaded first provides them. False if it fails, which has been logged. Throws std::bad_alloc.
bool add_address_variables(ngx_conf_t* cf);

}  // namespace gatehouse::ngx
