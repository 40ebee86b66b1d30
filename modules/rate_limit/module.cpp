#include "rate_limit/module.hpp"

#include "rate_limit/access.hpp"
#include "rate_limit/directives.hpp"
#include "rate_limit/header_filter.hpp"
#include "rate_limit/variables.hpp"
#include "rate_limit/worker.hpp"

namespace gatehouse::rate_limit {
namespace {

using ngx::guard;
using ngx::OnThrow;
using ngx::setter;

constexpr ngx_uint_t kHttp = NGX_HTTP_MAIN_CONF;
constexpr ngx_uint_t kLocation = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;
constexpr ngx_uint_t kMain = NGX_HTTP_MAIN_CONF_OFFSET;
constexpr ngx_uint_t kLoc = NGX_HTTP_LOC_CONF_OFFSET;

// clang-format off
ngx_command_t commands[] = {
    { ngx_string("rate_limit_redis"), kHttp | NGX_CONF_BLOCK | NGX_CONF_TAKE1,
      setter<set_redis>, kMain, 0, nullptr },
    { ngx_string("rate_limit_zone"), kHttp | NGX_CONF_2MORE,
      setter<set_zone>, kMain, 0, nullptr },

    { ngx_string("rate_limit"), kLocation | NGX_CONF_1MORE,
      setter<set_limit>, kLoc, 0, nullptr },
    { ngx_string("rate_limit_bypass"), kLocation | NGX_CONF_1MORE,
      setter<set_bypass>, kLoc, 0, nullptr },
    { ngx_string("rate_limit_dry_run"), kLocation | NGX_CONF_TAKE1,
      setter<set_dry_run>, kLoc, 0, nullptr },
    { ngx_string("rate_limit_status"), kLocation | NGX_CONF_TAKE1,
      setter<set_status>, kLoc, 0, nullptr },
    { ngx_string("rate_limit_log_level"), kLocation | NGX_CONF_TAKE1,
      setter<set_log_level>, kLoc, 0, nullptr },
    { ngx_string("rate_limit_headers"), kLocation | NGX_CONF_TAKE1,
      setter<set_headers>, kLoc, 0, nullptr },
    { ngx_string("rate_limit_retry_after"), kLocation | NGX_CONF_TAKE1,
      setter<set_retry_after>, kLoc, 0, nullptr },

    ngx_null_command
};
// clang-format on

ngx_int_t preconfigure(ngx_conf_t* cf) {
    return ngx::owns_its_directives(cf, ngx_http_gatehouse_rate_limit_module) ? add_variables(cf)
                                                                              : NGX_ERROR;
}

ngx_int_t postconfigure(ngx_conf_t* cf) {
    ngx::add_preaccess_handler(cf, ngx_http_gatehouse_rate_limit_module,
                               guard<OnThrow::internal_server_error, preaccess>);
    install_header_filter();
    return NGX_OK;
}

char* init_main(ngx_conf_t* cf, void* conf) {
    return const_cast<char*>(finish(cf, *static_cast<MainConf*>(conf)));
}

ngx_http_module_t module_context = {
    guard<OnThrow::error, preconfigure>,
    guard<OnThrow::error, postconfigure>,
    guard<OnThrow::null, ngx::create_conf<MainConf>>,
    guard<OnThrow::conf_error, init_main>,
    nullptr,  // create server
    nullptr,  // merge server
    guard<OnThrow::null, ngx::create_conf<LocConf>>,
    guard<OnThrow::conf_error, ngx::Merger<merge>::call>,
};

}  // namespace
}  // namespace gatehouse::rate_limit

ngx_module_t ngx_http_gatehouse_rate_limit_module = {
    NGX_MODULE_V1,
    &gatehouse::rate_limit::module_context,
    gatehouse::rate_limit::commands,
    NGX_HTTP_MODULE,
    nullptr,  // init master
    gatehouse::ngx::guard<gatehouse::ngx::OnThrow::error, gatehouse::rate_limit::take_over>,
    gatehouse::ngx::guard<gatehouse::ngx::OnThrow::error, gatehouse::rate_limit::create_worker>,
    nullptr,  // init thread
    nullptr,  // exit thread
    gatehouse::ngx::guard<gatehouse::ngx::OnThrow::nothing, gatehouse::rate_limit::destroy_worker>,
    nullptr,  // exit master
    NGX_MODULE_V1_PADDING,
};

// What nginx reads from a dynamic module. The order puts this module before the copy filter, where
// third-party filters go, and between its siblings: of one phase later modules run first.
extern "C" {
static char module_name[] = "ngx_http_gatehouse_rate_limit_module";

[[gnu::visibility("default")]] ngx_module_t* ngx_modules[] = {&ngx_http_gatehouse_rate_limit_module,
                                                              nullptr};
[[gnu::visibility("default")]] char* ngx_module_names[] = {module_name, nullptr};
[[gnu::visibility("default")]] const char* ngx_module_order[] = {
    "ngx_http_gatehouse_waf_module",
    module_name,
    "ngx_http_gatehouse_connection_limit_module",
    "ngx_http_gatehouse_jwt_module",
    "ngx_http_copy_filter_module",
    nullptr,
};
}
