#pragma once

#include <string>
#include <string_view>

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// Fields of a response. Their values may hold anything of a request: control characters, which
// could end the line, are sent as blanks (RFC 9110 section 5.5).

// Sends a response header line. `name` is borrowed for good; for find_response_header() the line is
// recognized by the address of its name, so that another module's line of the same name is never
// taken for it. Throws std::bad_alloc.
ngx_table_elt_t* add_response_header(ngx_http_request_t* r, std::string_view name,
                                     std::string_view value);

// Sends that line, which may have been deleted, with another value. Throws std::bad_alloc.
void set_response_header(ngx_http_request_t* r, ngx_table_elt_t& line, std::string_view value);

// The line that add_response_header() was given this very `name` for, deleted or not; null if it is
// gone. Pointers to lines must not be kept: nginx may cut the list back and fill it again.
ngx_table_elt_t* find_response_header(ngx_http_request_t* r, std::string_view name) noexcept;

// Sends a line in place of all others of that name: those of add_response_header() apart, which
// stay as they are. The filters run twice for one response if a later one refuses it: that of
// ranges with 416. Throws std::bad_alloc.
void replace_response_header(ngx_http_request_t* r, std::string_view name, std::string_view value);

// A URL with its blanks and control characters percent-encoded (RFC 3986 section 2.1). Throws
// std::bad_alloc.
std::string encoded_url(std::string_view url);

}  // namespace gatehouse::ngx
