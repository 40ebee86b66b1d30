#pragma once

#include <optional>
#include <string_view>

#include "ngx/guard.hpp"
#include "ngx/str.hpp"

namespace gatehouse::ngx {

// Bytes that live as long as the request, or nothing.
using VariableValue = std::optional<std::string_view>;

// Nothing: the variable is not found. A request that evaluates it goes on; std::bad_alloc ends it.
inline ngx_int_t set_value(ngx_http_variable_value_t* v, const VariableValue& value) noexcept {
    *v = {};
    if (!value) {
        v->not_found = 1;
        return NGX_OK;
    }
    v->data = borrow(*value).data;
    v->len = static_cast<unsigned>(value->size()) & 0x0fffffff;  // a 28-bit field
    v->valid = 1;
    return NGX_OK;
}

// Adapters write `VariableValue get(ngx_http_request_t*)`.
template <VariableValue (*Function)(ngx_http_request_t*)>
ngx_int_t plain_variable(ngx_http_request_t* r, ngx_http_variable_value_t* v, uintptr_t) {
    return set_value(v, Function(r));
}

// For variables of a common prefix: `get(r, whole_name)`.
template <VariableValue (*Function)(ngx_http_request_t*, std::string_view)>
ngx_int_t prefix_variable(ngx_http_request_t* r, ngx_http_variable_value_t* v, uintptr_t data) {
    return set_value(v, Function(r, view(*reinterpret_cast<ngx_str_t*>(data))));
}

// For variables that belong to a directive: `get(r, object)`, the object being the one that
// add_variable() was given.
template <class T, VariableValue (*Function)(ngx_http_request_t*, const T&)>
ngx_int_t object_variable(ngx_http_request_t* r, ngx_http_variable_value_t* v, uintptr_t data) {
    return set_value(v, Function(r, *reinterpret_cast<const T*>(data)));
}

template <auto Function>
inline constexpr auto variable = guard<OnThrow::error, plain_variable<Function>>;
template <auto Function>
inline constexpr auto variables_with_prefix = guard<OnThrow::error, prefix_variable<Function>>;

// Values are asked for at each reading: they depend on the location and on the verification.
// False if the name is taken, which has been logged.
inline bool add_variable(ngx_conf_t* cf, std::string_view name, ngx_http_get_variable_pt get,
                         ngx_uint_t flags = 0, const void* object = nullptr) {
    ngx_str_t text = copy(cf->pool, name);
    ngx_http_variable_t* added = ngx_http_add_variable(cf, &text, flags | NGX_HTTP_VAR_NOCACHEABLE);
    if (added == nullptr) {
        return false;
    }
    added->get_handler = get;
    added->data = reinterpret_cast<uintptr_t>(object);
    return true;
}

// Whether any module, or the configuration so far, has a variable of that name.
bool is_provided(ngx_conf_t* cf, std::string_view name) noexcept;

// Its index, for variable_value(); NGX_ERROR if nobody provides it: to ask nginx for the index of
// such a variable is an error of the configuration. Throws std::bad_alloc.
ngx_int_t index_if_provided(ngx_conf_t* cf, std::string_view name);

}  // namespace gatehouse::ngx
