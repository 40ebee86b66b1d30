#include "ngx/request.hpp"

namespace gatehouse::ngx {
namespace {

// nginx lists cannot lose an element, so the kept lines go to a new list. The old one stays as it
// is: r->headers_in.host and its like point into it.
template <class Keep>
void keep_headers(ngx_http_request_t* r, Keep keep) {
    ngx_list_t kept;
    if (ngx_list_init(&kept, r->pool, 20, sizeof(ngx_table_elt_t)) != NGX_OK) {
        throw std::bad_alloc();
    }
    for_each_header(r->headers_in.headers, [&](ngx_table_elt_t& line) {
        if (!keep(line)) {
            return;
        }
        auto* copy = static_cast<ngx_table_elt_t*>(ngx_list_push(&kept));
        if (copy == nullptr) {
            throw std::bad_alloc();
        }
        *copy = line;
#if (nginx_version >= 1023000)
        copy->next = nullptr;
#endif
    });
#if (nginx_version >= 1023000)
    // What an earlier content handler of this request has linked belongs to the old list.
    r->headers_in.multi = 0;
    r->headers_in.multi_linked = 0;
#endif
    ngx_list_t& headers = r->headers_in.headers;
    headers = kept;
    // ngx_list_t points at its own first part as long as there is only that one.
    if (headers.last == &kept.part) {
        headers.last = &headers.part;
    }
}

// `text` without the pieces called `name`.
std::string without(std::string_view text, char separator, std::string_view joiner,
                    std::string_view name) {
    std::string kept;
    for_each_piece(text, separator, [&](std::string_view piece) {
        if (equal_ignoring_case(Pair(piece).name, name)) {
            return;
        }
        if (!kept.empty()) {
            kept += joiner;
        }
        while (separator == ';' && piece.starts_with(' ')) {
            piece.remove_prefix(1);
        }
        kept += piece;
    });
    return kept;
}

// $http_cookie joins the lines that nginx has noted as cookies: those of the new list.
void note_cookies(ngx_http_request_t* r) {
#if (nginx_version >= 1023000)
    ngx_table_elt_t** end = &r->headers_in.cookie;
    for_each_header(r->headers_in.headers, [&](ngx_table_elt_t& line) {
        if (is_named(line, "cookie")) {
            *end = &line;
            end = &line.next;
        }
    });
    *end = nullptr;
#else
    ngx_array_t& cookies = r->headers_in.cookies;
    cookies.nelts = 0;
    for_each_header(r->headers_in.headers, [&](ngx_table_elt_t& line) {
        if (is_named(line, "cookie")) {
            // There is room: there were at least as many before.
            *static_cast<ngx_table_elt_t**>(ngx_array_push(&cookies)) = &line;
        }
    });
#endif
}

}  // namespace

ngx_int_t suspend(ngx_http_request_t* r, ngx_http_event_handler_pt write_handler) noexcept {
    ngx_event_t* read = r->connection->read;
    if (read->ready) {
        ngx_post_event(read, &ngx_posted_events);
    } else if (ngx_handle_read_event(read, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = write_handler;
    return NGX_AGAIN;
}

void resume(ngx_http_request_t* r) noexcept {
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;
    if (ngx_handle_read_event(r->connection->read, 0) == NGX_OK) {
        ngx_http_core_run_phases(r);
    } else {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}

std::optional<std::string_view> variable_value(ngx_http_request_t* r, ngx_int_t index) noexcept {
    const auto* value = ngx_http_get_flushed_variable(r, static_cast<ngx_uint_t>(index));
    if (value == nullptr || value->not_found != 0) {
        return std::nullopt;
    }
    return std::string_view(reinterpret_cast<const char*>(value->data), value->len);
}

std::string_view evaluate(ngx_http_request_t* r, ngx_http_complex_value_t* value) {
    ngx_str_t text;
    if (ngx_http_complex_value(r, value, &text) != NGX_OK) {
        throw std::bad_alloc();
    }
    return view(text);
}

void remove_request_header(ngx_http_request_t* r, std::string_view name) {
    keep_headers(r, [&](const ngx_table_elt_t& line) { return !is_named(line, name); });
    if (name == "authorization") {
        r->headers_in.authorization = nullptr;
    } else if (name == "cookie") {
        note_cookies(r);
    }
}

void remove_cookie(ngx_http_request_t* r, std::string_view name) {
    for_each_header(r->headers_in.headers, [&](ngx_table_elt_t& line) {
        if (is_named(line, "cookie")) {
            // In place: $http_cookie reaches the same line through another pointer.
            line.value = copy(r->pool, without(view(line.value), ';', "; ", name));
        }
    });
    keep_headers(r, [](const ngx_table_elt_t& line) {
        return line.value.len > 0 || !is_named(line, "cookie");
    });
    note_cookies(r);
}

void remove_argument(ngx_http_request_t* r, std::string_view name) {
    r->args = copy(r->pool, without(view(r->args), '&', "&", name));
    // proxy_pass without a URI, and $request_uri, take what the client wrote.
    const std::string_view uri = view(r->unparsed_uri);
    const std::size_t query = uri.find('?');
    if (query == std::string_view::npos) {
        return;
    }
    std::string kept = without(uri.substr(query + 1), '&', "&", name);
    if (!kept.empty()) {
        kept.insert(0, 1, '?');
    }
    r->unparsed_uri = copy(r->pool, std::string(uri.substr(0, query)) + kept);
}

}  // namespace gatehouse::ngx
