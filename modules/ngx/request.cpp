#include "ngx/request.hpp"

#include <vector>

namespace gatehouse::ngx {
namespace {

// A percent-encoded name as an application reads it.
std::string decoded(std::string_view name) {
    std::string text(name);
    u_char* const begin = borrow(text).data;
    u_char* from = begin;
    u_char* to = begin;
    ngx_unescape_uri(&to, &from, text.size(), 0);
    text.resize(static_cast<std::size_t>(to - begin));
    return text;
}

bool contains(std::string_view text, std::string_view secret) noexcept {
    return !secret.empty() && text.find(secret) != std::string_view::npos;
}

// A cookie or an argument.
bool is_unwanted(std::string_view piece, const Unwanted& unwanted) {
    return (!unwanted.name.empty() &&
            equal_ignoring_case(decoded(Pair(piece).name), unwanted.name)) ||
           contains(piece, unwanted.secret);
}

bool has_unwanted(std::string_view text, char separator, const Unwanted& unwanted) {
    bool found = false;
    for_each_piece(text, separator,
                   [&](std::string_view piece) { found = found || is_unwanted(piece, unwanted); });
    return found;
}

// `text` without the unwanted pieces.
std::string without(std::string_view text, char separator, std::string_view joiner,
                    const Unwanted& unwanted) {
    std::string kept;
    for_each_piece(text, separator, [&](std::string_view piece) {
        if (is_unwanted(piece, unwanted)) {
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

// The same for the arguments of a URI that ends at `end` of `text`.
void remove_from_query(ngx_pool_t* pool, ngx_str_t& text, std::size_t end,
                       const Unwanted& unwanted) {
    const std::string_view whole = view(text);
    const std::size_t query = std::min(whole.find('?'), end);
    const std::string_view arguments = whole.substr(query, end - query);
    if (arguments.empty() || !has_unwanted(arguments.substr(1), '&', unwanted)) {
        return;
    }
    std::string kept = without(arguments.substr(1), '&', "&", unwanted);
    if (!kept.empty()) {
        kept.insert(0, 1, '?');
    }
    text = copy(pool, std::string(whole.substr(0, query)).append(kept).append(whole.substr(end)));
}

// Of a request line: the version follows, which HTTP/0.9 does not have.
std::size_t end_of_target(std::string_view line) noexcept {
    const std::size_t blank = line.rfind(' ');
    return blank == line.find(' ') ? line.size() : blank;
}

// nginx lists cannot lose an element, so the kept lines go to a new list, where `edit` may change
// them. The old one stays as it is: r->headers_in.host and its like point into it, and a subrequest
// shares it with its parent.
template <class Edit>
void edit_headers(ngx_http_request_t* r, Edit edit) {
    ngx_list_t kept;
    if (ngx_list_init(&kept, r->pool, 20, sizeof(ngx_table_elt_t)) != NGX_OK) {
        throw std::bad_alloc();
    }
    for_each_header(r->headers_in.headers, [&](const ngx_table_elt_t& original) {
        ngx_table_elt_t line = original;
        if (!edit(line)) {
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

// The lines that are left of a field which nginx knows, noted at `place` as it notes them.
#if (nginx_version >= 1023000)
void note(ngx_http_request_t* r, const ngx_http_header_t& known, void* place) {
    auto** end = static_cast<ngx_table_elt_t**>(place);
    for_each_header(r->headers_in.headers, [&](ngx_table_elt_t& line) {
        if (equal_ignoring_case(view(line.key), view(known.name))) {
            *end = &line;
            end = &line.next;
        }
    });
    *end = nullptr;
}
#else
void note(ngx_http_request_t* r, const ngx_http_header_t& known, void* place) {
    const std::string_view name = view(known.name);
    std::vector<ngx_table_elt_t*> lines;
    for_each_header(r->headers_in.headers, [&](ngx_table_elt_t& line) {
        if (equal_ignoring_case(view(line.key), name)) {
            lines.push_back(&line);
        }
    });
    if (name != "Cookie" && name != "X-Forwarded-For") {
        *static_cast<ngx_table_elt_t**>(place) = lines.empty() ? nullptr : lines.front();
        return;
    }
    // A new array: a subrequest shares the old one with its parent.
    auto& noted = *static_cast<ngx_array_t*>(place);
    if (ngx_array_init(&noted, r->pool, lines.size() + 1, sizeof(ngx_table_elt_t*)) != NGX_OK) {
        throw std::bad_alloc();
    }
    for (ngx_table_elt_t* line : lines) {
        *static_cast<ngx_table_elt_t**>(ngx_array_push(&noted)) = line;  // there is room
    }
}
#endif

// Whether the rest of the request means something else without the line: rules may have read a body
// by its Content-Type, and nginx has chosen a server by Host.
bool tells_meaning(const ngx_table_elt_t& line) {
    const std::string name = lower(view(line.key));
    return name.starts_with("content-") || name == "host";
}

// nginx reads $http_cookie, $http_user_agent and some others from what it has noted.
void note_anew(ngx_http_request_t* r, std::string_view name) {
    for (const ngx_http_header_t* known = ngx_http_headers_in; known->name.len > 0; ++known) {
        if (known->offset != 0 && equal_ignoring_case(view(known->name), name)) {
            note(r, *known, reinterpret_cast<u_char*>(&r->headers_in) + known->offset);
        }
    }
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

void remove_headers(ngx_http_request_t* r, const Unwanted& unwanted) {
    const auto is_unwanted_line = [&](const ngx_table_elt_t& line) {
        return (!unwanted.name.empty() && is_named(line, unwanted.name)) ||
               (contains(view(line.value), unwanted.secret) && !tells_meaning(line));
    };
    std::vector<std::string_view> removed;
    for_each_header(r->headers_in.headers, [&](const ngx_table_elt_t& line) {
        if (is_unwanted_line(line)) {
            removed.push_back(view(line.key));
        }
    });
    if (removed.empty()) {
        return;
    }
    edit_headers(r, [&](const ngx_table_elt_t& line) { return !is_unwanted_line(line); });
    for (const std::string_view name : removed) {
        note_anew(r, name);
    }
}

void remove_cookies(ngx_http_request_t* r, const Unwanted& unwanted) {
    const auto is_unwanted_line = [&](const ngx_table_elt_t& line) {
        return is_named(line, "cookie") && has_unwanted(view(line.value), ';', unwanted);
    };
    bool found = false;
    for_each_header(r->headers_in.headers,
                    [&](const ngx_table_elt_t& line) { found = found || is_unwanted_line(line); });
    if (!found) {
        return;
    }
    edit_headers(r, [&](ngx_table_elt_t& line) {
        if (is_unwanted_line(line)) {
            line.value = copy(r->pool, without(view(line.value), ';', "; ", unwanted));
        }
        return line.value.len > 0 || !is_named(line, "cookie");
    });
    note_anew(r, "cookie");
}

void remove_arguments(ngx_http_request_t* r, const Unwanted& unwanted) {
    if (has_unwanted(view(r->args), '&', unwanted)) {
        r->args = copy(r->pool, without(view(r->args), '&', "&", unwanted));
    }
    // proxy_pass without a URI, and $request_uri, take what the client wrote; so does $request.
    remove_from_query(r->pool, r->unparsed_uri, r->unparsed_uri.len, unwanted);
    remove_from_query(r->pool, r->request_line, end_of_target(view(r->request_line)), unwanted);
}

void forget_variables(ngx_http_request_t* r, std::string_view secret) noexcept {
    const auto* core = static_cast<const ngx_http_core_main_conf_t*>(
        ngx_http_get_module_main_conf(r, ngx_http_core_module));
    const auto* known = static_cast<const ngx_http_variable_t*>(core->variables.elts);
    for (ngx_uint_t i = 0; i < core->variables.nelts; ++i) {
        ngx_http_variable_value_t& value = r->variables[i];
        const bool is_kept = (known[i].flags & NGX_HTTP_VAR_CHANGEABLE) != 0 &&
                             (known[i].flags & NGX_HTTP_VAR_NOCACHEABLE) == 0;
        if (!is_kept && value.valid != 0 &&
            contains({reinterpret_cast<const char*>(value.data), value.len}, secret)) {
            value.valid = 0;
        }
    }
}

}  // namespace gatehouse::ngx
