#include "rate_limit/header_filter.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "ngx/guard.hpp"
#include "ngx/response.hpp"
#include "rate_limit/context.hpp"
#include "rate_limit/core/header_fields.hpp"

namespace gatehouse::rate_limit {
namespace {

ngx_http_output_header_filter_pt next_header_filter;

constexpr std::array<std::string_view, 2> kDraft{"RateLimit-Policy", "RateLimit"};
constexpr std::array<std::string_view, 3> kLegacy{"X-RateLimit-Limit", "X-RateLimit-Remaining",
                                                  "X-RateLimit-Reset"};

// An upstream's fields speak of other limits, in whatever form. Ours are known by the address of
// their name: they are there already if the filters run for the second time.
void drop_foreign_fields(ngx_http_request_t* r) {
    const auto is_ours = [](const ngx_table_elt_t& line) {
        const auto same = [&](std::string_view name) {
            return line.key.data == ngx::borrow(name).data;
        };
        return std::ranges::any_of(kDraft, same) || std::ranges::any_of(kLegacy, same);
    };
    ngx::for_each_header(r->headers_out.headers, [&](ngx_table_elt_t& line) {
        if (is_limit_field(ngx::view(line.key)) && !is_ours(line)) {
            line.hash = 0;
        }
    });
}

void add_draft(ngx_http_request_t* r, const Outcome& outcome) {
    std::array<char, kFieldSize> buffer;
    const Zone& zone = *outcome.zone;
    ngx::replace_response_header(r, kDraft[0],
                                 write_policy(buffer, zone.name, outcome.window, zone.algorithm));
    ngx::replace_response_header(r, kDraft[1], write_limit(buffer, zone.name, outcome.verdict));
}

// No standard says what these mean; most APIs agree on seconds from now.
void add_legacy(ngx_http_request_t* r, const Outcome& outcome) {
    const std::array<std::int64_t, 3> values{outcome.window.burst, outcome.verdict.remaining,
                                             whole_seconds(outcome.verdict.reset)};
    for (std::size_t i = 0; i < kLegacy.size(); ++i) {
        ngx::replace_response_header(r, kLegacy[i], std::to_string(values[i]));
    }
}

void add_fields(ngx_http_request_t* r, const RequestState& state) {
    if (!state.outcome.known) {
        return;
    }
    if (state.headers != Headers::off) {
        drop_foreign_fields(r);
    }
    if (state.headers == Headers::draft) {
        add_draft(r, state.outcome);
    } else if (state.headers == Headers::legacy) {
        add_legacy(r, state.outcome);
    }
    // RFC 9110 section 10.2.3. An error_page may have turned the refusal into something else.
    if (state.retry_after && state.refused_with != 0 &&
        r->headers_out.status >= NGX_HTTP_BAD_REQUEST) {
        ngx::replace_response_header(r, "Retry-After",
                                     std::to_string(whole_seconds(state.outcome.verdict.reset)));
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
