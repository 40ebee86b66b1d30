#include "ngx/guard.hpp"
#include "waf/inspection.hpp"
#include "waf/phases.hpp"

namespace gatehouse::waf {
namespace {

ngx_http_output_header_filter_pt next_header_filter;
ngx_http_output_body_filter_pt next_body_filter;

// An answer of nginx's own takes the place of this one. The header of that comes through the
// filters again.
ngx_int_t refuse_response(ngx_http_request_t* r, Inspection& inspection) {
    return ngx_http_filter_finalize_request(r, &ngx_http_gatehouse_waf_module,
                                            inspection.refusal());
}

// RFC 9110 section 6.4.1. nginx itself notes it only while it writes the header.
bool response_has_body(const ngx_http_request_t* r) noexcept {
    return !r->header_only && r->method != NGX_HTTP_HEAD && r->headers_out.status >= NGX_HTTP_OK &&
           r->headers_out.status != NGX_HTTP_NO_CONTENT &&
           r->headers_out.status != NGX_HTTP_NOT_MODIFIED;
}

ngx_int_t header_filter(ngx_http_request_t* r) {
    Inspection* inspection = r == r->main ? RequestContext::find(r) : nullptr;
    if (inspection != nullptr && inspection->refused()) {
        inspection->complete_refusal();
        if (response_has_body(r) && inspection->wants_answer_body()) {
            inspection->reading_answer = true;
            r->filter_need_in_memory = 1;
        }
        return next_header_filter(r);
    }
    if (inspection == nullptr || !inspection->active() || inspection->response_seen) {
        return next_header_filter(r);
    }
    if (inspection->response_headers() == Verdict::refuse) {
        return refuse_response(r, *inspection);
    }
    if (!response_has_body(r) || !inspection->wants_response_body()) {
        return next_header_filter(r);
    }
    inspection->reading_response = true;
    r->filter_need_in_memory = 1;
    if (inspection->conf->response_buffer.on) {
        inspection->holding = true;
        return NGX_OK;
    }
    return next_header_filter(r);
}

// What is held leaves, the header first.
ngx_int_t let_go(ngx_http_request_t* r, Inspection& inspection) {
    inspection.holding = false;
    const ngx_int_t result = next_header_filter(r);
    if (result == NGX_ERROR || result > NGX_OK || r->header_only) {
        return result;
    }
    ngx_chain_t* held = inspection.held.release();
    return held == nullptr ? NGX_OK : next_body_filter(r, held);
}

// The client has seen the header: there is no other answer any more, and what it has got so far
// must not look complete.
ngx_int_t cut(ngx_http_request_t* r) {
    r->connection->error = 1;
    return NGX_ERROR;
}

std::string_view octets_of(const ngx_buf_t& buffer) noexcept {
    if (!ngx_buf_in_memory(&buffer)) {
        return {};
    }
    return {reinterpret_cast<const char*>(buffer.pos),
            static_cast<std::size_t>(buffer.last - buffer.pos)};
}

ngx_int_t body_filter(ngx_http_request_t* r, ngx_chain_t* in) {
    Inspection* inspection = r == r->main ? RequestContext::find(r) : nullptr;
    if (inspection != nullptr && inspection->reading_answer) {
        for (const ngx_chain_t* link = in; link != nullptr; link = link->next) {
            inspection->append_answer_body(octets_of(*link->buf));
        }
    }
    if (inspection == nullptr || !inspection->reading_response) {
        return next_body_filter(r, in);
    }
    if (in == nullptr) {
        return inspection->holding ? NGX_OK : next_body_filter(r, in);
    }
    bool last = false;
    Verdict verdict = Verdict::go_on;
    for (const ngx_chain_t* link = in; link != nullptr && verdict == Verdict::go_on;
         link = link->next) {
        verdict = inspection->append_response_body(octets_of(*link->buf));
        last = last || link->buf->last_buf;
    }
    const bool complete = last || (inspection->active() && inspection->has_enough_of_response());
    if (verdict == Verdict::go_on && complete) {
        verdict = inspection->response_body();
        inspection->reading_response = false;
    }
    if (verdict == Verdict::refuse) {
        inspection->reading_response = false;
        if (!inspection->holding) {
            return cut(r);
        }
        inspection->holding = false;
        inspection->held.drop(in);
        return refuse_response(r, *inspection);
    }
    if (!inspection->holding) {
        ngx_chain_t* out = inspection->held.exchange(r->pool, in, complete);
        return out == nullptr ? NGX_OK : next_body_filter(r, out);
    }
    const bool fits = inspection->held.add(r->pool, in, inspection->conf->response_buffer.most);
    return complete || !fits ? let_go(r, *inspection) : NGX_OK;
}

}  // namespace

void install_filters() {
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx::guard<ngx::OnThrow::error, header_filter>;
    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx::guard<ngx::OnThrow::error, body_filter>;
}

}  // namespace gatehouse::waf
