#include "ngx/rewrite.hpp"

#include <cstring>

namespace gatehouse::ngx {
namespace {

// What the directives of ngx_http_rewrite_module have been compiled to at this level; null if there
// are none. The structure is private to the module, and begins with the codes in every version.
const ngx_array_t* rewrite_codes(ngx_conf_t* cf) noexcept {
    for (ngx_module_t** next = cf->cycle->modules; *next != nullptr; ++next) {
        const ngx_module_t& module = **next;
        if (std::string_view(module.name) == "ngx_http_rewrite_module") {
            const void* conf = ngx_http_conf_get_module_loc_conf(cf, module);
            return *static_cast<ngx_array_t* const*>(conf);
        }
    }
    return nullptr;
}

// The word at `at`: the codes are structures of words, each beginning with a function.
template <class Code>
bool is_code(const u_char* at, Code* function) noexcept {
    Code* found = nullptr;
    std::memcpy(&found, at, sizeof(found));
    return found == function;
}

// Whether a rewrite, or a break, may end the way of a request before a return that follows.
bool may_leave(const u_char* at) noexcept {
#if (NGX_PCRE)
    if (is_code(at, ngx_http_script_regex_start_code)) {
        return !reinterpret_cast<const ngx_http_script_regex_code_t*>(at)->test;
    }
#endif
    return is_code(at, ngx_http_script_break_code);
}

bool always_returns(const ngx_array_t& codes) noexcept {
    const auto* begin = static_cast<const u_char*>(codes.elts);
    const u_char* end = begin + codes.nelts * codes.size;
    for (const u_char* at = begin; at + sizeof(uintptr_t) <= end;) {
        if (is_code(at, ngx_http_script_return_code)) {
            return true;
        }
        if (may_leave(at)) {
            return false;
        }
        // What is in an if depends on the request.
        at += is_code(at, ngx_http_script_if_code)
                  ? reinterpret_cast<const ngx_http_script_if_code_t*>(at)->next
                  : sizeof(uintptr_t);
    }
    return false;
}

}  // namespace

void warn_of_return(ngx_conf_t* cf, std::string_view directive, const ConfPlace& place) {
    const ngx_array_t* codes = rewrite_codes(cf);
    if (codes != nullptr && always_returns(*codes)) {
        log_conf_warning(
            cf, place,
            "\"return\" answers requests before \"" + std::string(directive) + "\" looks at them");
    }
}

}  // namespace gatehouse::ngx
