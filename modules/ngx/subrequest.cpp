#include "ngx/subrequest.hpp"

#include "ngx/guard.hpp"
#include "ngx/pool.hpp"
#include "ngx/str.hpp"

namespace gatehouse::ngx {
namespace {

// nginx's idiom for filters; the same values at each configuration.
ngx_http_output_header_filter_pt next_header_filter;
ngx_http_output_body_filter_pt next_body_filter;

ngx_int_t finish(ngx_http_request_t* r, void* data, ngx_int_t rc);
constexpr auto kFinish = guard<OnThrow::error, finish>;

// nginx may call this twice, before and after an error_page: the last word counts, and the parent
// runs only after it.
ngx_int_t finish(ngx_http_request_t* r, void* data, ngx_int_t rc) {
    auto& answer = *static_cast<Answer*>(data);
    const bool special = rc >= NGX_HTTP_SPECIAL_RESPONSE;
    answer.status = special ? static_cast<ngx_uint_t>(rc) : r->headers_out.status;
    answer.finished = true;
    return rc;
}

// r->ctx does not survive the subrequest's own redirects (error_page, try_files); this does.
Answer* answer_of(const ngx_http_request_t* r) noexcept {
    const ngx_http_post_subrequest_t* post = r->post_subrequest;
    const bool ours = r != r->main && post != nullptr && post->handler == kFinish;
    return ours ? static_cast<Answer*>(post->data) : nullptr;
}

ngx_int_t header_filter(ngx_http_request_t* r) {
    if (Answer* answer = answer_of(r)) {
        const ngx_table_elt_t* encoding = r->headers_out.content_encoding;
        answer->encoded = encoding != nullptr && encoding->hash != 0 && encoding->value.len > 0 &&
                          !equal_ignoring_case(view(encoding->value), "identity");
        answer->body.clear();
        answer->complete = r->header_only || r->headers_out.content_length_n == 0;
        r->filter_need_in_memory = 1;
    }
    return next_header_filter(r);
}

void collect(Answer& answer, ngx_buf_t& buf) {
    if (ngx_buf_in_memory(&buf) && !answer.too_large) {
        const auto size = static_cast<std::size_t>(buf.last - buf.pos);
        if (size > answer.limit - answer.body.size()) {
            answer.too_large = true;
            answer.body.clear();
        } else {
            answer.body.append(reinterpret_cast<const char*>(buf.pos), size);
        }
    }
    answer.complete = answer.complete || buf.last_buf || buf.last_in_chain;
    // Consumed: the sender may use the buffer again.
    buf.pos = buf.last;
    buf.file_pos = buf.file_last;
}

ngx_int_t body_filter(ngx_http_request_t* r, ngx_chain_t* in) {
    Answer* answer = answer_of(r);
    if (answer == nullptr) {
        return next_body_filter(r, in);
    }
    for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
        collect(*answer, *link->buf);
    }
    return NGX_OK;
}

// The client's own header must not steer the subrequest: a Content-Length would make the upstream
// wait for a body that never comes, Range or If-None-Match would change the answer.
void detach_from_client(ngx_http_request_t* sr) {
    ngx_http_headers_in_t headers{};
    if (ngx_list_init(&headers.headers, sr->pool, 4, sizeof(ngx_table_elt_t)) != NGX_OK) {
        throw std::bad_alloc();
    }
    headers.host = sr->headers_in.host;
    headers.server = sr->headers_in.server;
    headers.content_length_n = -1;
    headers.keep_alive_n = -1;
    if (headers.host != nullptr) {
        auto* line = static_cast<ngx_table_elt_t*>(ngx_list_push(&headers.headers));
        *line = *headers.host;  // there is room for four
    }
    const bool inside = headers.headers.last == &headers.headers.part;
    sr->headers_in = headers;
    if (inside) {
        sr->headers_in.headers.last = &sr->headers_in.headers.part;
    }
    // An empty body, so that nobody tries to read the client's.
    sr->request_body = allocate<ngx_http_request_body_t>(sr->pool);
}

}  // namespace

bool start_subrequest(ngx_http_request_t* r, std::string_view uri, Answer& answer) {
    ngx_str_t path = copy(r->pool, uri);
    ngx_str_t args{};
    ngx_uint_t flags = 0;
    if (ngx_http_parse_unsafe_uri(r, &path, &args, &flags) != NGX_OK) {
        return false;  // nginx has logged it
    }
    auto* post = allocate<ngx_http_post_subrequest_t>(r->pool);
    post->handler = kFinish;
    post->data = &answer;
    ngx_http_request_t* sr = nullptr;
    if (ngx_http_subrequest(r, &path, &args, &sr, post, NGX_HTTP_SUBREQUEST_WAITED) != NGX_OK) {
        return false;
    }
    detach_from_client(sr);
    return true;
}

void install_subrequest_filters() {
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = guard<OnThrow::error, header_filter>;
    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = guard<OnThrow::error, body_filter>;
}

}  // namespace gatehouse::ngx
