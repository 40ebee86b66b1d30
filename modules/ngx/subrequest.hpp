#pragma once

#include <string>
#include <string_view>

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// The answer to a subrequest, collected in memory up to `limit` bytes and kept from the client.
struct Answer {
    explicit Answer(std::size_t most) noexcept : limit(most) {}

    const std::size_t limit;
    std::string body;
    ngx_uint_t status = 0;
    bool finished = false;   // nothing more will come; the parent request has been woken
    bool complete = false;   // the body arrived up to its end
    bool too_large = false;  // what is beyond the limit was dropped
    bool encoded = false;    // a Content-Encoding was applied
};

// Starts a GET subrequest for `uri` (a path with an optional query, not escaped) on behalf of `r`.
// It gets none of the client's header lines but Host, no body, and its own values of variables: it
// sees what `set` and `map` have computed so far and changes nothing for `r`. When it has ended,
// `r` runs its phases again; an error_page inside of it counts as its answer. `answer` must live as
// long as the request. False if it could not be started, with the reason in the log. Throws
// std::bad_alloc.
bool start_subrequest(ngx_http_request_t* r, std::string_view uri, Answer& answer);

// Whether `r` is a subrequest that start_subrequest() made.
bool is_own_subrequest(const ngx_http_request_t* r) noexcept;

// To be called in postconfiguration by modules that use start_subrequest(). Such a module must come
// before the copy filter in ngx_module_order.
void install_subrequest_filters();

}  // namespace gatehouse::ngx
