#pragma once

#include "ngx/api.hpp"

extern ngx_module_t ngx_http_gatehouse_connection_limit_module;
