#include "ngx/variable.hpp"

#include "ngx/conf.hpp"

namespace gatehouse::ngx {

bool is_provided(ngx_conf_t* cf, std::string_view name) noexcept {
    const auto& core = main_conf<ngx_http_core_main_conf_t>(cf, ngx_http_core_module);
    const auto* keys = static_cast<const ngx_hash_key_t*>(core.variables_keys->keys.elts);
    for (ngx_uint_t i = 0; i < core.variables_keys->keys.nelts; ++i) {
        if (view(keys[i].key) == name) {
            return true;
        }
    }
    return false;
}

ngx_int_t index_if_provided(ngx_conf_t* cf, std::string_view name) {
    ngx_str_t text = copy(cf->pool, name);
    return is_provided(cf, name) ? ngx_http_get_variable_index(cf, &text) : NGX_ERROR;
}

}  // namespace gatehouse::ngx
