#include "waf/module.hpp"

#include "waf/directives.hpp"
#include "waf/phases.hpp"
#include "waf/variables.hpp"

namespace gatehouse::waf {
namespace {

using ngx::guard;
using ngx::OnThrow;
using ngx::setter;

constexpr ngx_uint_t kAnywhere = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;
constexpr ngx_uint_t kLoc = NGX_HTTP_LOC_CONF_OFFSET;

// clang-format off
ngx_command_t commands[] = {
    // Those of the usual connector.
    { ngx_string("modsecurity"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_enabled>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_rules"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_rules>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_rules_file"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_rules_file>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_rules_remote"), kAnywhere | NGX_CONF_TAKE2,
      setter<set_rules_remote>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_transaction_id"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_transaction_id>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_use_error_log"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_error_log>, kLoc, 0, nullptr },

    // Ours.
    { ngx_string("modsecurity_phase"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_moment>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_dry_run"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_dry_run>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_bypass"), kAnywhere | NGX_CONF_1MORE,
      setter<set_bypass>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_on_error"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_on_error>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_status"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_status>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_request_body"), kAnywhere | NGX_CONF_TAKE12,
      setter<set_request_body>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_response_body"), kAnywhere | NGX_CONF_1MORE,
      setter<set_response_body>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_response_buffer"), kAnywhere | NGX_CONF_TAKE12,
      setter<set_response_buffer>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_limits"), kAnywhere | NGX_CONF_1MORE,
      setter<set_limits>, kLoc, 0, nullptr },
    { ngx_string("modsecurity_event_log"), kAnywhere | NGX_CONF_TAKE12,
      setter<set_event_log>, kLoc, 0, nullptr },

    ngx_null_command
};
// clang-format on

ngx_int_t preconfigure(ngx_conf_t* cf) {
    return ngx::owns_its_directives(cf, ngx_http_gatehouse_waf_module) ? add_variables(cf)
                                                                       : NGX_ERROR;
}

ngx_int_t postconfigure(ngx_conf_t* cf) {
    if (!ngx::main_conf<MainConf>(cf, ngx_http_gatehouse_waf_module).active) {
        return NGX_OK;
    }
    ngx::add_phase_handler(cf, NGX_HTTP_REWRITE_PHASE,
                           guard<OnThrow::internal_server_error, rewrite>);
    ngx::add_preaccess_handler(cf, ngx_http_gatehouse_waf_module,
                               guard<OnThrow::internal_server_error, preaccess>);
    ngx::add_phase_handler(cf, NGX_HTTP_PRECONTENT_PHASE,
                           guard<OnThrow::internal_server_error, precontent>);
    ngx::add_phase_handler(cf, NGX_HTTP_LOG_PHASE, guard<OnThrow::error, log_phase>);
    install_filters();
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
}  // namespace gatehouse::waf

ngx_module_t ngx_http_gatehouse_waf_module = {
    NGX_MODULE_V1,
    &gatehouse::waf::module_context,
    gatehouse::waf::commands,
    NGX_HTTP_MODULE,
    nullptr,  // init master
    nullptr,  // init module
    nullptr,  // init process
    nullptr,  // init thread
    nullptr,  // exit thread
    nullptr,  // exit process
    nullptr,  // exit master
    NGX_MODULE_V1_PADDING,
};

// What nginx reads from a dynamic module. The order puts the filters behind all that change a
// response, and before the one that compresses it; and this module before its siblings: of one
// phase later modules run first.
extern "C" {
static char module_name[] = "ngx_http_gatehouse_waf_module";

[[gnu::visibility("default")]] ngx_module_t* ngx_modules[] = {&ngx_http_gatehouse_waf_module,
                                                              nullptr};
[[gnu::visibility("default")]] char* ngx_module_names[] = {module_name, nullptr};
[[gnu::visibility("default")]] const char* ngx_module_order[] = {
    module_name,
    "ngx_http_gatehouse_rate_limit_module",
    "ngx_http_gatehouse_connection_limit_module",
    "ngx_http_gatehouse_jwt_module",
    "ngx_http_postpone_filter_module",
    "ngx_http_ssi_filter_module",
    "ngx_http_charset_filter_module",
    "ngx_http_xslt_filter_module",
    "ngx_http_image_filter_module",
    "ngx_http_sub_filter_module",
    "ngx_http_addition_filter_module",
    "ngx_http_gunzip_filter_module",
    "ngx_http_userid_filter_module",
    "ngx_http_headers_filter_module",
    "ngx_http_copy_filter_module",
    nullptr,
};
}
