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
// runs only after it. `return 444` in the location would cut the client's connection.
ngx_int_t finish(ngx_http_request_t* r, void* data, ngx_int_t rc) {
    auto& answer = *static_cast<Answer*>(data);
    const bool special = rc >= NGX_HTTP_SPECIAL_RESPONSE;
    answer.status = special ? static_cast<ngx_uint_t>(rc) : r->headers_out.status;
    answer.finished = true;
    return rc == NGX_HTTP_CLOSE ? NGX_OK : rc;
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
// wait for a body that never comes, Range or If-None-Match would change the answer. All of it is
// prepared before the subrequest exists: once it is queued, there is no way back.
class Detachment {
  public:
    explicit Detachment(ngx_http_request_t* r)
        : body_(allocate<ngx_http_request_body_t>(r->pool)), variables_(own_variables(r)) {
        if (ngx_list_init(&headers_.headers, r->pool, 4, sizeof(ngx_table_elt_t)) != NGX_OK) {
            throw std::bad_alloc();
        }
        headers_.host = r->headers_in.host;
        headers_.server = r->headers_in.server;
        headers_.content_length_n = -1;
        headers_.keep_alive_n = -1;
        if (headers_.host != nullptr) {
            auto* line = static_cast<ngx_table_elt_t*>(ngx_list_push(&headers_.headers));
            *line = *headers_.host;  // there is room for four
        }
    }

    void apply(ngx_http_request_t* sr) const noexcept {
        sr->headers_in = headers_;
        sr->headers_in.headers.last = &sr->headers_in.headers.part;
        sr->request_body = body_;  // empty, so that nobody tries to read the client's
        sr->variables = variables_;
    }

  private:
    // nginx lets subrequests share the values of variables. Here they must not: what is read
    // without the client's header would be remembered for the client's request, and the other way
    // round. Values that the configuration computes (set, map) still arrive.
    static ngx_http_variable_value_t* own_variables(ngx_http_request_t* r) {
        const auto* core = static_cast<ngx_http_core_main_conf_t*>(
            ngx_http_get_module_main_conf(r, ngx_http_core_module));
        const ngx_uint_t n = core->variables.nelts;
        const auto* known = static_cast<const ngx_http_variable_t*>(core->variables.elts);
        auto* own = static_cast<ngx_http_variable_value_t*>(
            ngx_pcalloc(r->pool, n * sizeof(ngx_http_variable_value_t)));
        if (own == nullptr) {
            throw std::bad_alloc();
        }
        for (ngx_uint_t i = 0; i < n; ++i) {
            if ((known[i].flags & NGX_HTTP_VAR_CHANGEABLE) != 0) {
                own[i] = r->variables[i];
            }
        }
        return own;
    }

    ngx_http_headers_in_t headers_{};
    ngx_http_request_body_t* body_;
    ngx_http_variable_value_t* variables_;
};

}  // namespace

bool start_subrequest(ngx_http_request_t* r, std::string_view uri, Answer& answer) {
    ngx_str_t path = copy(r->pool, uri);
    ngx_str_t args{};
    ngx_uint_t flags = 0;
    if (ngx_http_parse_unsafe_uri(r, &path, &args, &flags) != NGX_OK) {
        return false;  // nginx has logged it
    }
    const Detachment detachment(r);
    auto* post = allocate<ngx_http_post_subrequest_t>(r->pool);
    post->handler = kFinish;
    post->data = &answer;
    ngx_http_request_t* sr = nullptr;
    if (ngx_http_subrequest(r, &path, &args, &sr, post, NGX_HTTP_SUBREQUEST_WAITED) != NGX_OK) {
        return false;
    }
    detachment.apply(sr);
    return true;
}

bool is_own_subrequest(const ngx_http_request_t* r) noexcept { return answer_of(r) != nullptr; }

void install_subrequest_filters() {
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = guard<OnThrow::error, header_filter>;
    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = guard<OnThrow::error, body_filter>;
}

}  // namespace gatehouse::ngx
