#include "ngx/bypass.hpp"

#include "ngx/request.hpp"

namespace gatehouse::ngx {
namespace {

// False if `text` is no address.
bool add_address(const Directive& directive, std::string_view text, Bypass& bypass) {
    ngx_str_t source = copy(directive.cf()->pool, text);
    ngx_cidr_t cidr{};
    switch (ngx_ptocidr(&source, &cidr)) {
    case NGX_ERROR:
        return false;
    case NGX_DONE:
        ngx_conf_log_error(NGX_LOG_WARN, directive.cf(), 0,
                           "low address bits of \"%*s\" are meaningless", text.size(), text.data());
    }
    if (bypass.addresses == nullptr) {
        bypass.addresses = ngx_array_create(directive.cf()->pool, 4, sizeof(ngx_cidr_t));
    }
    auto* added = bypass.addresses == nullptr
                      ? nullptr
                      : static_cast<ngx_cidr_t*>(ngx_array_push(bypass.addresses));
    if (added == nullptr) {
        throw std::bad_alloc();
    }
    *added = cidr;
    return true;
}

}  // namespace

bool Bypass::holds_for(ngx_http_request_t* r) const {
    if (addresses != nullptr && ngx_cidr_match(r->connection->sockaddr, addresses) == NGX_OK) {
        return true;
    }
    for (ngx_http_complex_value_t* value : values) {
        const std::string_view text = evaluate(r, value);
        if (!text.empty() && text != "0") {
            return true;
        }
    }
    return false;
}

ConfResult add_bypass(const Directive& directive, Bypass& bypass) {
    for (const ngx_str_t& arg : directive.args()) {
        const std::string_view text = view(arg);
        if (add_address(directive, text, bypass)) {
            continue;
        }
        if (text.find('$') == std::string_view::npos) {
            return directive.invalid_value(
                text, "it must be an address, a CIDR, or a string with variables");
        }
        ngx_http_complex_value_t* value = directive.complex(text);
        if (value == nullptr) {
            return kConfError;
        }
        bypass.values.push_back(value);
    }
    return kConfOk;
}

}  // namespace gatehouse::ngx
