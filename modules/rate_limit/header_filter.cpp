#include "rate_limit/header_filter.hpp"

#include <array>
#include <string>

#include "ngx/guard.hpp"
#include "ngx/response.hpp"
#include "rate_limit/context.hpp"
#include "rate_limit/core/header_fields.hpp"

namespace gatehouse::rate_limit {
namespace {

ngx_http_output_header_filter_pt next_header_filter;

// The one line of that name: an upstream's own, which speaks of another limit, makes way. The
// filters run twice for one response if a later one refuses it: that of ranges with 416.
void set_field(ngx_http_request_t* r, std::string_view name, std::string_view value) {
    const ngx_table_elt_t* ours = ngx::find_response_header(r, name);
    ngx::for_each_header(r->headers_out.headers, [&](ngx_table_elt_t& line) {
        if (&line != ours && ngx::equal_ignoring_case(ngx::view(line.key), name)) {
            line.hash = 0;
        }
    });
    if (ours == nullptr) {
        ngx::add_response_header(r, name, value);
    }
}

void add_draft(ngx_http_request_t* r, const Outcome& outcome) {
    std::array<char, kFieldSize> buffer;
    const Zone& zone = *outcome.zone;
    set_field(r, "RateLimit-Policy",
              write_policy(buffer, zone.name, outcome.window, zone.algorithm));
    set_field(r, "RateLimit", write_limit(buffer, zone.name, outcome.verdict));
}

// No standard says what these mean; most APIs agree on seconds from now.
void add_legacy(ngx_http_request_t* r, const Outcome& outcome) {
    const std::uint32_t limit = outcome.window.burst;
    set_field(r, "X-RateLimit-Limit", std::to_string(limit));
    set_field(r, "X-RateLimit-Remaining", std::to_string(outcome.verdict.remaining));
    set_field(r, "X-RateLimit-Reset", std::to_string(whole_seconds(outcome.verdict.reset)));
}

void add_fields(ngx_http_request_t* r, const RequestState& state) {
    if (!state.outcome.known) {
        return;
    }
    if (state.headers == Headers::draft) {
        add_draft(r, state.outcome);
    } else if (state.headers == Headers::legacy) {
        add_legacy(r, state.outcome);
    }
    // RFC 9110 section 10.2.3. An error_page may have turned the refusal into something else.
    if (state.headers != Headers::off && state.refused_with != 0 &&
        r->headers_out.status >= NGX_HTTP_BAD_REQUEST) {
        set_field(r, "Retry-After", std::to_string(whole_seconds(state.outcome.verdict.reset)));
    }
}

ngx_int_t header_filter(ngx_http_request_t* r) {
    if (r == r->main) {
        const RequestState* state = RequestContext::find(r);
        if (state != nullptr && state->outcome.zone != nullptr) {
            add_fields(r, *state);
        }
    }
    return next_header_filter(r);
}

}  // namespace

void install_header_filter() {
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx::guard<ngx::OnThrow::error, header_filter>;
}

}  // namespace gatehouse::rate_limit
