#include "connection_limit/header_filter.hpp"

#include <algorithm>
#include <string>

#include "connection_limit/context.hpp"
#include "ngx/clock.hpp"
#include "ngx/response.hpp"

namespace gatehouse::connection_limit {
namespace {

ngx_http_output_header_filter_pt next_header_filter;

// Rounded up: before the ban has ended it is of no use to come back.
std::int64_t seconds_until(std::int64_t time) noexcept {
    const std::int64_t left = time - ngx::turn_microseconds();
    return (std::max<std::int64_t>(left, 1) + 999'999) / 1'000'000;
}

// RFC 9110 section 10.2.3. An error_page may have turned the refusal into something else.
ngx_int_t header_filter(ngx_http_request_t* r) {
    if (r == r->main && r->headers_out.status >= NGX_HTTP_BAD_REQUEST) {
        const RequestState* state = RequestContext::find(r);
        if (state != nullptr && state->banned_until != 0) {
            ngx::replace_response_header(r, "Retry-After",
                                         std::to_string(seconds_until(state->banned_until)));
        }
    }
    return next_header_filter(r);
}

}  // namespace

void install_header_filter() {
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx::guard<ngx::OnThrow::error, header_filter>;
}

}  // namespace gatehouse::connection_limit
