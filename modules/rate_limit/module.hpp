#pragma once

#include "ngx/api.hpp"

extern ngx_module_t ngx_http_gatehouse_rate_limit_module;
