#pragma once

#include <vector>

#include "ngx/conf.hpp"

namespace gatehouse::ngx {

// A *_bypass directive: any of these lets a request pass.
struct Bypass {
    ngx_array_t* addresses = nullptr;  // of ngx_cidr_t; null: none
    std::vector<ngx_http_complex_value_t*> values;

    bool empty() const noexcept { return addresses == nullptr && values.empty(); }

    // Whether the client's address is one of them, or one of the values neither empty nor "0".
    // Throws std::bad_alloc.
    bool holds_for(ngx_http_request_t* r) const;
};

// Adds what the directive's arguments say: addresses, CIDRs, and strings with variables.
ConfResult add_bypass(const Directive& directive, Bypass& bypass);

}  // namespace gatehouse::ngx
