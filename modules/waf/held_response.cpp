#include "waf/held_response.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "waf/module.hpp"

namespace gatehouse::waf {
namespace {

// A response that is over says so within it, as a rule, once its last octets have come.
constexpr ngx_msec_t kMoment = 100;

template <class T>
T* checked(T* memory) {
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

void copy_octets(ngx_pool_t* pool, const ngx_buf_t& source, ngx_buf_t& copy) {
    const auto size = static_cast<std::size_t>(source.last - source.pos);
    copy.start = checked(static_cast<u_char*>(ngx_pnalloc(pool, size)));
    std::memcpy(copy.start, source.pos, size);
    copy.pos = copy.start;
    copy.last = copy.end = copy.start + size;
    copy.temporary = 1;
}

ngx_chain_t* new_link(ngx_pool_t* pool, ngx_buf_t* buffer) {
    ngx_chain_t* link = checked(ngx_alloc_chain_link(pool));
    *link = {buffer, nullptr};
    return link;
}

// What is in a file only stays there; a flag travels alone.
ngx_chain_t* copy_link(ngx_pool_t* pool, const ngx_buf_t& source) {
    auto* copy = checked(static_cast<ngx_buf_t*>(ngx_pcalloc(pool, sizeof(ngx_buf_t))));
    const bool in_memory = ngx_buf_in_memory(&source) && source.last > source.pos;
    if (in_memory) {
        copy_octets(pool, source, *copy);
    } else if (source.in_file) {
        copy->in_file = 1;
        copy->file = source.file;
        copy->file_pos = source.file_pos;
        copy->file_last = source.file_last;
    }
    copy->last_buf = source.last_buf;
    copy->last_in_chain = source.last_in_chain;
    copy->flush = source.flush;
    const bool empty = !in_memory && !source.in_file;
    copy->sync = empty && !source.last_buf && !source.flush ? 1 : source.sync;
    return new_link(pool, copy);
}

ngx_chain_t* flush_link(ngx_pool_t* pool) {
    ngx_buf_t flush{};
    flush.flush = 1;
    return copy_link(pool, flush);
}

// In memory or in a file; null: there are flags only.
ngx_chain_t* last_with_octets(ngx_chain_t* in) noexcept {
    ngx_chain_t* last = nullptr;
    for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
        last = ngx_buf_size(link->buf) > 0 ? link : last;
    }
    return last;
}

bool is_to_be_flushed(const ngx_chain_t* in) noexcept {
    while (in != nullptr && !in->buf->flush) {
        in = in->next;
    }
    return in != nullptr;
}

}  // namespace

HeldResponse::HeldResponse(ngx_http_request_t* r, ngx_http_output_body_filter_pt next) noexcept
    : request_(r),
      next_(next),
      moment_(*this, ngx::calls<&HeldResponse::go_on>, r->connection->log, ngx::AtExit::drop) {}

void HeldResponse::begin() noexcept { rest_ = request_->headers_out.content_length_n; }

void HeldResponse::count(const ngx_chain_t* in) noexcept {
    for (; rest_ > 0 && in != nullptr; in = in->next) {
        rest_ = std::max<off_t>(rest_ - ngx_buf_size(in->buf), 0);
    }
}

bool HeldResponse::fits(const ngx_chain_t* in, std::size_t most) const noexcept {
    std::size_t octets = octets_;
    for (const ngx_chain_t* link = in; link != nullptr; link = link->next) {
        octets += static_cast<std::size_t>(ngx_buf_size(link->buf));
    }
    return octets <= most;
}

void HeldResponse::add(ngx_chain_t* in) {
    for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
        ngx_buf_t& buffer = *link->buf;
        append(copy_link(request_->pool, buffer));
        buffer.pos = buffer.last;  // whoever owns it may use it again
        buffer.file_pos = buffer.file_last;
    }
}

ngx_int_t HeldResponse::pass(ngx_chain_t* in) {
    const ngx_chain_t* last = last_with_octets(in);
    ngx_chain_t* out = nullptr;
    ngx_chain_t** end = &out;
    bool flushed = false;
    if (last != nullptr && first_ != nullptr) {
        end = end_;
        out = take();
    }
    // The chain is its owner's: it gets back neither fewer links nor other ones.
    for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
        if (link == last && rest_ <= 0) {
            hold_end(*link);
            if (ngx_buf_size(link->buf) == 0) {
                flushed = link->buf->flush;
                continue;
            }
        }
        *end = new_link(request_->pool, link->buf);
        end = &(*end)->next;
    }
    // Whoever makes the response may wait until what is on its way has left.
    if (out != nullptr && flushed) {
        *end = flush_link(request_->pool);
    }
    if (first_ != nullptr && is_to_be_flushed(in) && may_go_on_soon()) {
        moment_.start(kMoment);
    }
    return out == nullptr ? NGX_OK : send(out);
}

ngx_int_t HeldResponse::complete(ngx_chain_t* in) {
    for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
        append(new_link(request_->pool, link->buf));
    }
    return send(take());
}

ngx_chain_t* HeldResponse::take() noexcept {
    moment_.stop();
    ngx_chain_t* all = std::exchange(first_, nullptr);
    end_ = &first_;
    octets_ = 0;
    return all;
}

void HeldResponse::append(ngx_chain_t* link) noexcept {
    octets_ += static_cast<std::size_t>(ngx_buf_size(link->buf));
    *end_ = link;
    end_ = &link->next;
}

// Whoever decodes what is compressed needs the end of it least: there all is held.
void HeldResponse::hold_end(ngx_chain_t& link) {
    const bool compressed = request_->headers_out.content_encoding != nullptr;
    if (compressed) {
        ngx_chain_t alone{link.buf, nullptr};
        add(&alone);
    } else {
        hold_last_octet(*link.buf);
    }
}

// The buffer has one octet less then. Its flags stay with what is left of it.
void HeldResponse::hold_last_octet(ngx_buf_t& buffer) {
    ngx_pool_t* pool = request_->pool;
    ngx_chain_t* link = nullptr;
    if (ngx_buf_in_memory(&buffer)) {
        link = checked(ngx_chain_get_free_buf(pool, &free_));
        ngx_buf_t& octet = *link->buf;
        octet.start = octet.start != nullptr ? octet.start
                                             : checked(static_cast<u_char*>(ngx_pnalloc(pool, 1)));
        octet.pos = octet.start;
        octet.last = octet.end = octet.start + 1;
        octet.temporary = 1;
        octet.tag = &ngx_http_gatehouse_waf_module;
        *octet.pos = *--buffer.last;
    } else {
        ngx_buf_t octet = buffer;
        octet.file_pos = buffer.file_last - 1;
        octet.last_in_chain = 0;
        link = copy_link(pool, octet);
    }
    --buffer.file_last;
    link->buf->flush = buffer.flush;
    append(link);
}

// What is the last of HTTP/1.1 and later is framed as the last.
bool HeldResponse::may_go_on_soon() const noexcept {
    return rest_ < 0 && (request_->chunked || request_->http_version >= NGX_HTTP_VERSION_20);
}

// Nothing has come since: that was not the end.
void HeldResponse::go_on() {
    if (first_ != nullptr && !request_->connection->error) {
        ngx_http_set_log_request(request_->connection->log, request_);
        send(take());
    }
}

ngx_int_t HeldResponse::send(ngx_chain_t* out) {
    const ngx_int_t result = next_(request_, out);
    ngx_chain_update_chains(request_->pool, &free_, &busy_, &out, &ngx_http_gatehouse_waf_module);
    return result;
}

}  // namespace gatehouse::waf
