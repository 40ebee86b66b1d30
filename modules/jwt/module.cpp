#include "jwt/module.hpp"

#include "jwt/access.hpp"
#include "jwt/challenge.hpp"
#include "jwt/directives.hpp"
#include "jwt/worker.hpp"

namespace gatehouse::jwt {
namespace {

using ngx::guard;
using ngx::OnThrow;
using ngx::setter;
using D = Declared;

constexpr ngx_uint_t kHttp = NGX_HTTP_MAIN_CONF;
constexpr ngx_uint_t kLocation = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;
constexpr ngx_uint_t kAnywhere = kLocation | NGX_HTTP_LMT_CONF;
constexpr ngx_uint_t kMain = NGX_HTTP_MAIN_CONF_OFFSET;
constexpr ngx_uint_t kLoc = NGX_HTTP_LOC_CONF_OFFSET;

// clang-format off
ngx_command_t commands[] = {
    { ngx_string("auth_jwt"), kAnywhere | NGX_CONF_TAKE12,
      setter<set_authentication>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_type"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_type>, kLoc, 0, nullptr },

    { ngx_string("auth_jwt_key_file"), kAnywhere | NGX_CONF_TAKE12,
      setter<set_key_file>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_key_request"), kAnywhere | NGX_CONF_TAKE12,
      setter<set_key_request>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_key_cache"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_parsed<&D::key_cache, ngx::parse_milliseconds>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_secret_file"), kAnywhere | NGX_CONF_TAKE12,
      setter<set_secret_file>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_secret_env"), kAnywhere | NGX_CONF_TAKE12,
      setter<set_secret_env>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_min_hmac_bytes"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_parsed<&D::min_hmac_bytes, ngx::parse_number>>, kLoc, 0, nullptr },

    { ngx_string("auth_jwt_algorithms"), kAnywhere | NGX_CONF_1MORE,
      setter<set_algorithms>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_typ"), kAnywhere | NGX_CONF_1MORE,
      setter<set_strings<&D::types>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_leeway"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_parsed<&D::leeway, ngx::parse_seconds>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_max_lifetime"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_parsed<&D::max_lifetime, ngx::parse_seconds>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_validate_exp"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_flag<&D::validate_exp>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_validate_sig"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_flag<&D::validate_signature>>, kLoc, 0, nullptr },

    { ngx_string("auth_jwt_issuer"), kAnywhere | NGX_CONF_1MORE,
      setter<set_strings<&D::issuers>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_audience"), kAnywhere | NGX_CONF_1MORE,
      setter<set_strings<&D::audiences>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_scope"), kAnywhere | NGX_CONF_1MORE,
      setter<set_strings<&D::scopes>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_required_claims"), kAnywhere | NGX_CONF_1MORE,
      setter<set_strings<&D::required_claims>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_revocation_list_sub"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_revoked_subjects>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_revocation_list_kid"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_revoked_kids>, kLoc, 0, nullptr },

    { ngx_string("auth_jwt_require"), kAnywhere | NGX_CONF_1MORE,
      setter<set_values>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_require_claim"), kAnywhere | NGX_CONF_TAKE3 | NGX_CONF_TAKE4,
      setter<set_claim_rule>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_require_header"), kAnywhere | NGX_CONF_TAKE3 | NGX_CONF_TAKE4,
      setter<set_header_rule>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_allow_nested"), kAnywhere | NGX_CONF_NOARGS | NGX_CONF_TAKE12,
      setter<set_nesting>, kLoc, 0, nullptr },

    { ngx_string("auth_jwt_claim_set"), kHttp | NGX_CONF_2MORE,
      setter<set_claim_variable>, kMain, 0, nullptr },
    { ngx_string("auth_jwt_header_set"), kHttp | NGX_CONF_2MORE,
      setter<set_header_variable>, kMain, 0, nullptr },

    { ngx_string("auth_jwt_phase"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_phase>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_strip"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_flag<&D::strip>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_www_authenticate"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_challenge>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_dry_run"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_flag<&D::dry_run>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_log_level"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_log_level>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_max_token_size"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_parsed<&D::max_token_size, positive_size>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_accept_padding"), kAnywhere | NGX_CONF_TAKE1,
      setter<set_flag<&D::padding>>, kLoc, 0, nullptr },
    { ngx_string("auth_jwt_limits"), kAnywhere | NGX_CONF_1MORE,
      setter<set_limits>, kLoc, 0, nullptr },

    ngx_null_command
};
// clang-format on

ngx_int_t preconfigure(ngx_conf_t* cf) {
    return ngx::owns_its_directives(cf, ngx_http_gatehouse_jwt_module) &&
                   add_variables(cf) == NGX_OK
               ? NGX_OK
               : NGX_ERROR;
}

ngx_int_t postconfigure(ngx_conf_t* cf) {
    ngx::install_subrequest_filters();
    install_challenge_filter();
    ngx::add_preaccess_handler(cf, ngx_http_gatehouse_jwt_module,
                               guard<OnThrow::internal_server_error, enforce>);
    ngx::add_phase_handler(cf, NGX_HTTP_PREACCESS_PHASE,
                           guard<OnThrow::internal_server_error, verify>);
    ngx::add_phase_handler(cf, NGX_HTTP_PRECONTENT_PHASE,
                           guard<OnThrow::internal_server_error, enforce>);
    ngx::add_phase_handler(cf, NGX_HTTP_ACCESS_PHASE,
                           guard<OnThrow::internal_server_error, access>);
    return NGX_OK;
}

ngx_http_module_t module_context = {
    guard<OnThrow::error, preconfigure>,
    guard<OnThrow::error, postconfigure>,
    guard<OnThrow::null, ngx::create_conf<MainConf>>,
    nullptr,  // init main
    nullptr,  // create server
    nullptr,  // merge server
    guard<OnThrow::null, ngx::create_conf<LocConf>>,
    guard<OnThrow::conf_error, ngx::Merger<merge>::call>,
};

}  // namespace
}  // namespace gatehouse::jwt

ngx_module_t ngx_http_gatehouse_jwt_module = {
    NGX_MODULE_V1,
    &gatehouse::jwt::module_context,
    gatehouse::jwt::commands,
    NGX_HTTP_MODULE,
    nullptr,  // init master
    gatehouse::ngx::guard<gatehouse::ngx::OnThrow::error, gatehouse::jwt::renew_worker>,
    gatehouse::ngx::guard<gatehouse::ngx::OnThrow::error, gatehouse::jwt::create_worker>,
    nullptr,  // init thread
    nullptr,  // exit thread
    gatehouse::ngx::guard<gatehouse::ngx::OnThrow::nothing, gatehouse::jwt::destroy_worker>,
    nullptr,  // exit master
    NGX_MODULE_V1_PADDING,
};

// What nginx reads from a dynamic module. The order puts this module before the copy filter, so
// that its filters see bodies in memory, and after its siblings, which name it: of one phase the
// last registered runs first, and limits can be keyed on what was verified in PREACCESS.
extern "C" {
static char module_name[] = "ngx_http_gatehouse_jwt_module";

[[gnu::visibility("default")]] ngx_module_t* ngx_modules[] = {&ngx_http_gatehouse_jwt_module,
                                                              nullptr};
[[gnu::visibility("default")]] char* ngx_module_names[] = {module_name, nullptr};
[[gnu::visibility("default")]] const char* ngx_module_order[] = {
    module_name,
    "ngx_http_copy_filter_module",
    nullptr,
};
}
