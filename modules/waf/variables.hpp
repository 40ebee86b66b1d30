#pragma once

#include "ngx/api.hpp"

namespace gatehouse::waf {

// $modsecurity_status, _score, _rules, _id
ngx_int_t add_variables(ngx_conf_t* cf);

}  // namespace gatehouse::waf
