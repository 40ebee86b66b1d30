#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "ngx/api.hpp"
#include "ngx/pool.hpp"
#include "ngx/str.hpp"

namespace gatehouse::ngx {

// What a module remembers about one request. Subrequests have their own, which lives in the pool
// that they share with the main request. It is registered as a cleanup of that pool and found there
// again after an internal redirect or a filter's finalization has zeroed r->ctx. A T is made from
// the request and keeps it as its member `request`.
template <class T, ngx_module_t& Module>
class Context {
  public:
    // Null if obtain() was not called for this request yet.
    static T* find(ngx_http_request_t* r) noexcept {
        auto* context = static_cast<T*>(r->ctx[Module.ctx_index]);
        if (context == nullptr && (r->internal || r->filter_finalize)) {
            context = find_made<T>(r->pool, [r](const T& made) { return made.request == r; });
            r->ctx[Module.ctx_index] = context;
        }
        return context;
    }

    // Throws std::bad_alloc.
    static T& obtain(ngx_http_request_t* r) {
        T* context = find(r);
        if (context == nullptr) {
            context = make<T>(r->pool, r);
            r->ctx[Module.ctx_index] = context;
        }
        return *context;
    }
};

template <class Conf>
Conf& location_conf(const ngx_http_request_t* r, const ngx_module_t& module) noexcept {
    return *static_cast<Conf*>(r->loc_conf[module.ctx_index]);
}

template <class Conf>
const Conf& main_conf(const ngx_http_request_t* r, const ngx_module_t& module) noexcept {
    return *static_cast<const Conf*>(r->main_conf[module.ctx_index]);
}

// Lets the event loop go on without the request; a client that leaves meanwhile is noticed.
// `write_handler` gets its write events. What the phase handler then returns: NGX_AGAIN, or 500.
ngx_int_t suspend(ngx_http_request_t* r, ngx_http_event_handler_pt write_handler) noexcept;

// Runs the phases of a suspended request again, from the handler that has suspended it. Whoever
// calls this from outside of the request's own events runs the connection's posted requests, too.
void resume(ngx_http_request_t* r) noexcept;

// What the variable holds now, borrowed from the request; nothing if it is not found.
std::optional<std::string_view> variable_value(ngx_http_request_t* r, ngx_int_t index) noexcept;

// The value in the request's pool. Throws std::bad_alloc.
std::string_view evaluate(ngx_http_request_t* r, ngx_http_complex_value_t* value);

// Calls `visit(ngx_table_elt_t&)` for each header line of a list.
template <class Visit>
void for_each_header(ngx_list_t& headers, Visit visit) {
    for (ngx_list_part_t* part = &headers.part; part != nullptr; part = part->next) {
        auto* lines = static_cast<ngx_table_elt_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            visit(lines[i]);
        }
    }
}

// Whether a line of the request's header is called `name` (lower case, `_` for `-`).
inline bool is_named(const ngx_table_elt_t& line, std::string_view name) noexcept {
    return names_header(name, view(line.key));
}

// What is to be taken out of a request, away from everything that runs later: upstreams, variables,
// logs, other modules. Whole pieces go, never a part of one: what is left was there before, and
// rules that have seen the request need not look again.
struct Unwanted {
    std::string_view name;    // pieces of that name; empty: none for its name
    std::string_view secret;  // pieces that contain it; empty: none for what is in it
};

// Header lines (named in lower case, `_` for `-`; Host and Content-* are not searched for secrets,
// as the rest would mean something else without them), cookies, and query arguments. Names of
// cookies and arguments are compared without regard to case, as nginx looks them up, and as they
// read when decoded, as applications do. Throw std::bad_alloc.
void remove_headers(ngx_http_request_t* r, const Unwanted& unwanted);
void remove_cookies(ngx_http_request_t* r, const Unwanted& unwanted);
void remove_arguments(ngx_http_request_t* r, const Unwanted& unwanted);

// Makes nginx compute anew, when they are read next, the variables whose values it has kept and
// that contain `secret`. What `set`, `map` and the like have made of it stays.
void forget_variables(ngx_http_request_t* r, std::string_view secret) noexcept;

// Calls `visit(std::string_view value)` for each cookie, or query argument, of that name.
template <class Visit>
void for_each_cookie(ngx_http_request_t* r, std::string_view name, Visit visit);
template <class Visit>
void for_each_argument(const ngx_http_request_t* r, std::string_view name, Visit visit);

// Splits `text` at `separator` and calls `visit` with each piece.
template <class Visit>
void for_each_piece(std::string_view text, char separator, Visit visit) {
    for (;;) {
        const std::size_t end = text.find(separator);
        visit(text.substr(0, end));
        if (end == std::string_view::npos) {
            return;
        }
        text.remove_prefix(end + 1);
    }
}

// `name=value`, or a bare name; blanks around the pair do not count.
struct Pair {
    explicit Pair(std::string_view text) noexcept {
        const auto blank = [](char c) { return c == ' ' || c == '\t'; };
        while (!text.empty() && blank(text.front())) {
            text.remove_prefix(1);
        }
        while (!text.empty() && blank(text.back())) {
            text.remove_suffix(1);
        }
        name = text.substr(0, text.find('='));
        value = text.substr(std::min(name.size() + 1, text.size()));
    }
    std::string_view name;
    std::string_view value;
};

template <class Visit>
void for_each_cookie(ngx_http_request_t* r, std::string_view name, Visit visit) {
    for_each_header(r->headers_in.headers, [&](const ngx_table_elt_t& line) {
        if (!is_named(line, "cookie")) {
            return;
        }
        for_each_piece(view(line.value), ';', [&](std::string_view piece) {
            const Pair pair(piece);
            if (equal_ignoring_case(pair.name, name)) {
                visit(pair.value);
            }
        });
    });
}

template <class Visit>
void for_each_argument(const ngx_http_request_t* r, std::string_view name, Visit visit) {
    for_each_piece(view(r->args), '&', [&](std::string_view piece) {
        const Pair pair(piece);
        if (equal_ignoring_case(pair.name, name)) {
            visit(pair.value);
        }
    });
}

}  // namespace gatehouse::ngx
