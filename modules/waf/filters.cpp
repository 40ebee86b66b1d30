#include "ngx/guard.hpp"
#include "waf/inspection.hpp"
#include "waf/phases.hpp"

namespace gatehouse::waf {
namespace {

ngx_http_output_header_filter_pt next_header_filter;
ngx_http_output_body_filter_pt next_body_filter;

// RFC 9110 section 6.4.1. nginx itself notes it only while it writes the header.
bool response_has_body(const ngx_http_request_t* r) noexcept {
    return !r->header_only && r->method != NGX_HTTP_HEAD && r->headers_out.status >= NGX_HTTP_OK &&
           r->headers_out.status != NGX_HTTP_NO_CONTENT &&
           r->headers_out.status != NGX_HTTP_NOT_MODIFIED;
}

// Whoever makes the response goes on as if its header had been sent; the replacement swallows what
// comes. Only a connection that is handed over has nothing to wait for.
ngx_int_t refuse_response(ngx_http_request_t* r, Inspection& inspection) {
    if (r->headers_out.status < NGX_HTTP_OK) {
        return ngx_http_filter_finalize_request(r, &ngx_http_gatehouse_waf_module,
                                                inspection.refusal());
    }
    inspection.replacement.begin(inspection.refusal(), response_has_body(r));
    return inspection.replacement.swallow(nullptr);
}

// The whole of it, those parts, too, that subrequests add.
void read_response(ngx_http_request_t* r, Inspection& inspection) {
    inspection.begin_response_body();
    r->filter_need_in_memory = 1;
    r->main_filter_need_in_memory = 1;
}

// nginx picks the parts that a client wants before they come to body_filter(), and what it leaves
// out would not be judged. Slices that begin in the middle are no whole, and stay a part.
void forbid_ranges(ngx_http_request_t* r, Inspection& inspection) noexcept {
    if (r == r->main) {
        inspection.whole = r->headers_out.content_offset == 0;
    }
    if (inspection.whole) {
        ngx_http_clear_accept_ranges(r);
    }
}

// Where nothing can be refused nothing is held. A header that promises no octets is a complete
// response by itself.
bool is_to_be_held(const ngx_http_request_t* r, const Inspection& inspection) noexcept {
    return inspection.withholding && ((inspection.conf->response_buffer.on && inspection.whole) ||
                                      r->headers_out.content_length_n == 0);
}

// Octets of it are to come, and somebody looks at them.
ngx_int_t begin_body(ngx_http_request_t* r, Inspection& inspection) {
    if (!inspection.wants_response_body()) {
        inspection.reading_answer = inspection.audits_response_body();
        if (inspection.reading_answer) {
            read_response(r, inspection);
        }
        return next_header_filter(r);
    }
    inspection.reading_response = true;
    read_response(r, inspection);
    forbid_ranges(r, inspection);
    inspection.withholding = inspection.may_refuse_response();
    inspection.holding = is_to_be_held(r, inspection);
    inspection.held.begin();
    return inspection.holding ? NGX_OK : next_header_filter(r);
}

ngx_int_t header_filter(ngx_http_request_t* r) {
    Inspection* inspection = RequestContext::find(r->main);
    if (r != r->main) {
        if (inspection != nullptr) {
            forbid_ranges(r, *inspection);  // of another slice
        }
        return next_header_filter(r);
    }
    if (inspection != nullptr && inspection->refused()) {
        inspection->complete_refusal();
        if (response_has_body(r) && inspection->wants_answer_body()) {
            inspection->reading_answer = true;
            read_response(r, *inspection);
        }
        return next_header_filter(r);
    }
    if (inspection == nullptr || !inspection->active() || inspection->response_seen) {
        return next_header_filter(r);
    }
    if (inspection->response_headers() == Verdict::refuse) {
        return refuse_response(r, *inspection);
    }
    return response_has_body(r) ? begin_body(r, *inspection) : next_header_filter(r);
}

// The client has seen the header: there is no other answer any more, and what it has got so far
// must not look complete.
ngx_int_t cut(ngx_http_request_t* r, Inspection& inspection) {
    inspection.held.forget();
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

// An upstream that has failed is over, and nginx ends with a flush in place of the last buffer;
// filters before this one may have put octets to it. (What is at its turn is another request where
// a subrequest says the same.)
bool breaks_off(const ngx_http_request_t* r, const ngx_chain_t* in) noexcept {
    const ngx_http_upstream_t* u = r->upstream;
    while (in->next != nullptr && !in->buf->last_buf) {
        in = in->next;
    }
    return u != nullptr && u->header_sent && u->cleanup == nullptr && in->buf->flush &&
           !in->buf->last_buf && r->connection->data == r && r->postponed == nullptr;
}

ngx_int_t replace(Inspection& inspection, ngx_chain_t* in, ngx_int_t status) {
    inspection.reading_response = false;
    inspection.holding = false;
    inspection.held.forget();
    inspection.replacement.begin(status, true);
    return inspection.replacement.swallow(in);
}

// `complete`: there is nothing more to be judged.
Verdict judge(const ngx_chain_t* in, Inspection& inspection, bool& complete) {
    Verdict verdict = Verdict::go_on;
    for (const ngx_chain_t* link = in; link != nullptr && verdict == Verdict::go_on;
         link = link->next) {
        verdict = inspection.append_response_body(octets_of(*link->buf));
        complete = complete || link->buf->last_buf;
    }
    complete = complete || (inspection.active() && inspection.has_enough_of_response());
    if (verdict == Verdict::go_on && complete) {
        verdict = inspection.response_body();
    }
    return verdict;
}

// Goes on with what has been judged so far.
ngx_int_t pass_on(ngx_http_request_t* r, Inspection& inspection, ngx_chain_t* in, bool complete) {
    inspection.held.count(in);
    if (inspection.holding) {
        const ResponseBuffer& buffer = inspection.conf->response_buffer;
        if (!complete && inspection.held.fits(in, buffer.on ? buffer.most : 0)) {
            inspection.held.add(in);
            return NGX_OK;
        }
        inspection.holding = false;
        const ngx_int_t result = next_header_filter(r);
        if (result == NGX_ERROR || result > NGX_OK || r->header_only) {
            return result;
        }
    }
    if (!inspection.withholding) {
        return next_body_filter(r, in);
    }
    return complete ? inspection.held.complete(in) : inspection.held.pass(in);
}

ngx_int_t inspect_body(ngx_http_request_t* r, Inspection& inspection, ngx_chain_t* in) {
    if (inspection.holding && breaks_off(r, in)) {
        inspection.forget_response();
        return replace(inspection, in, NGX_HTTP_BAD_GATEWAY);
    }
    bool complete = false;
    const Verdict verdict = judge(in, inspection, complete);
    if (verdict == Verdict::refuse) {
        inspection.reading_response = false;
        return inspection.holding ? replace(inspection, in, inspection.refusal())
                                  : cut(r, inspection);
    }
    inspection.reading_response = !complete;
    return pass_on(r, inspection, in, complete);
}

ngx_int_t body_filter(ngx_http_request_t* r, ngx_chain_t* in) {
    Inspection* inspection = r == r->main ? RequestContext::find(r) : nullptr;
    if (inspection != nullptr && inspection->replacement.begun()) {
        return inspection->replacement.swallow(in);
    }
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
    return inspect_body(r, *inspection, in);
}

}  // namespace

ngx_int_t send_body(ngx_http_request_t* r, ngx_chain_t* in) { return next_body_filter(r, in); }

void install_filters() {
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx::guard<ngx::OnThrow::error, header_filter>;
    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx::guard<ngx::OnThrow::error, body_filter>;
}

}  // namespace gatehouse::waf
