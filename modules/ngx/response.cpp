#include "ngx/response.hpp"

#include "ngx/request.hpp"

namespace gatehouse::ngx {

ngx_table_elt_t* add_response_header(ngx_http_request_t* r, std::string_view name,
                                     std::string_view value) {
    auto* line = static_cast<ngx_table_elt_t*>(ngx_list_push(&r->headers_out.headers));
    if (line == nullptr) {
        throw std::bad_alloc();
    }
    line->hash = 0;  // not sent until it is complete
    line->key = borrow(name);
#if (nginx_version >= 1023000)
    line->next = nullptr;
#endif
    set_response_header(r, *line, value);
    return line;
}

void set_response_header(ngx_http_request_t* r, ngx_table_elt_t& line, std::string_view value) {
    line.value = copy(r->pool, printable(value));
    line.hash = 1;
}

ngx_table_elt_t* find_response_header(ngx_http_request_t* r, std::string_view name) noexcept {
    ngx_table_elt_t* found = nullptr;
    for_each_header(r->headers_out.headers, [&](ngx_table_elt_t& line) {
        if (line.key.data == borrow(name).data) {
            found = &line;
        }
    });
    return found;
}

void replace_response_header(ngx_http_request_t* r, std::string_view name, std::string_view value) {
    const ngx_table_elt_t* ours = find_response_header(r, name);
    for_each_header(r->headers_out.headers, [&](ngx_table_elt_t& line) {
        if (&line != ours && equal_ignoring_case(view(line.key), name)) {
            line.hash = 0;
        }
    });
    if (ours == nullptr) {
        add_response_header(r, name, value);
    }
}

std::string encoded_url(std::string_view url) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : url) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == ' ' || is_control(c)) {
            encoded.append({'%', kDigits[octet >> 4], kDigits[octet & 15]});
        } else {
            encoded += c;
        }
    }
    return encoded;
}

}  // namespace gatehouse::ngx
