#include "waf/replacement.hpp"

#include <utility>

#include "waf/module.hpp"

namespace gatehouse::waf {
namespace {

// In c->buffered, among the bits of filters (NGX_HTTP_GZIP_BUFFERED): as long as it is set a
// request whose response is complete is not over.
constexpr unsigned kBuffered = 0x80;

// As ngx_http_upstream_create() does it when another upstream takes over.
void abandon_upstream(ngx_http_request_t* r) {
    if (r->upstream != nullptr && r->upstream->cleanup != nullptr) {
        ++r->main->count;
        (*r->upstream->cleanup)(r);
    }
}

// What filters know and want of the response. As r->ctx after an internal redirect, contexts that
// are still needed are found elsewhere.
void forget_response(ngx_http_request_t* r) noexcept {
    ngx_http_clean_header(r);
    void* own = r->ctx[ngx_http_gatehouse_waf_module.ctx_index];
    ngx_memzero(r->ctx, sizeof(void*) * ngx_http_max_module);
    r->ctx[ngx_http_gatehouse_waf_module.ctx_index] = own;
    r->internal = 1;
    r->header_only = 0;
    r->buffered = 0;
    r->connection->buffered &= ~kBuffered & 0xff;
    r->filter_need_in_memory = 0;
    r->main_filter_need_in_memory = 0;
    r->filter_need_temporary = 0;
}

}  // namespace

Replacement::Replacement(ngx_http_request_t* r) noexcept
    : request_(r), posted_(*this, ngx::calls<&Replacement::answer>, r->connection->log) {}

void Replacement::begin(ngx_int_t status, bool has_body) noexcept {
    status_ = status;
    complete_ = !has_body;
}

ngx_int_t Replacement::swallow(ngx_chain_t* in) noexcept {
    for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
        link->buf->pos = link->buf->last;
        link->buf->file_pos = link->buf->file_last;
        complete_ = complete_ || link->buf->last_buf;
    }
    request_->connection->buffered |= kBuffered;
    posted_.post();
    return NGX_OK;
}

// Only the making of an upstream's response can be stopped, and only while no thread is at work on
// it. Otherwise its end is waited for; more comes until then.
bool Replacement::may_answer() const noexcept {
    const ngx_http_request_t* r = request_;
    if (r->connection->error || r->connection->data != r || r->postponed != nullptr) {
        return false;
    }
    const bool of_upstream = r->upstream != nullptr && r->upstream->header_sent;
    return complete_ || (of_upstream && !r->aio && r->blocked == 0);
}

void Replacement::answer() {
    if (!may_answer()) {
        return;
    }
    ngx_http_request_t* r = request_;
    ngx_connection_t* c = r->connection;
    const ngx_int_t status = std::exchange(status_, 0);
    ngx_http_set_log_request(c->log, r);
    abandon_upstream(r);
    forget_response(r);
    ngx_http_finalize_request(r, status >= NGX_HTTP_SPECIAL_RESPONSE
                                     ? status
                                     : ngx_http_special_response_handler(r, status));
    ngx_http_run_posted_requests(c);
}

}  // namespace gatehouse::waf
