#include "ngx/rewrite.hpp"

#include <cstdint>
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

template <class Code>
std::uintptr_t word_of(Code* function) noexcept {
    return reinterpret_cast<std::uintptr_t>(function);
}

// Whether a return comes before whatever may end the way of a request otherwise, or depends on it.
// The codes are structures that differ between versions; all are made of words, and begin with a
// function.
bool always_returns(const ngx_array_t& codes) noexcept {
    const auto* begin = static_cast<const u_char*>(codes.elts);
    const u_char* end = begin + codes.nelts * codes.size;
    for (const u_char* at = begin; at + sizeof(std::uintptr_t) <= end;
         at += sizeof(std::uintptr_t)) {
        std::uintptr_t word = 0;
        std::memcpy(&word, at, sizeof(word));
        if (word == word_of(ngx_http_script_return_code)) {
            return true;
        }
        if (word == word_of(ngx_http_script_if_code) ||
            word == word_of(ngx_http_script_break_code)) {
            return false;
        }
#if (NGX_PCRE)
        if (word == word_of(ngx_http_script_regex_start_code)) {
            return false;
        }
#endif
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
