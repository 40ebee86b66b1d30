#pragma once

// nginx's C headers, once and for all: nothing else in the tree includes them.
extern "C" {
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
}
