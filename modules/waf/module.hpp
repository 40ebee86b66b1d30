#pragma once

#include "ngx/api.hpp"

extern ngx_module_t ngx_http_gatehouse_waf_module;
