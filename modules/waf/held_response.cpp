#include "waf/held_response.hpp"

#include <cstring>
#include <new>
#include <utility>

namespace gatehouse::waf {
namespace {

ngx_chain_t* copy_link(ngx_pool_t* pool, ngx_buf_t& source) {
    const auto size = static_cast<std::size_t>(source.last - source.pos);
    ngx_chain_t* link = ngx_alloc_chain_link(pool);
    ngx_buf_t* copy = link == nullptr ? nullptr : ngx_create_temp_buf(pool, size == 0 ? 1 : size);
    if (copy == nullptr) {
        throw std::bad_alloc();
    }
    if (size > 0) {
        std::memcpy(copy->pos, source.pos, size);
        copy->last = copy->pos + size;
    } else {
        copy->temporary = 0;  // a flag travels alone
    }
    copy->last_buf = source.last_buf;
    copy->last_in_chain = source.last_in_chain;
    copy->flush = source.flush;
    copy->sync = size == 0 && !source.last_buf && !source.flush ? 1 : source.sync;
    link->buf = copy;
    link->next = nullptr;
    return link;
}

}  // namespace

bool HeldResponse::add(ngx_pool_t* pool, ngx_chain_t* in, std::size_t most) {
    for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
        ngx_buf_t& buffer = *link->buf;
        ngx_chain_t* copied = copy_link(pool, buffer);
        octets_ += static_cast<std::size_t>(buffer.last - buffer.pos);
        buffer.pos = buffer.last;  // whoever owns it may use it again
        buffer.file_pos = buffer.file_last;
        *end_ = copied;
        end_ = &copied->next;
    }
    return octets_ <= most;
}

ngx_chain_t* HeldResponse::exchange(ngx_pool_t* pool, ngx_chain_t* in, bool complete) {
    ngx_chain_t* kept = nullptr;
    for (ngx_chain_t* link = in; link != nullptr && !complete; link = link->next) {
        kept = link->buf->last > link->buf->pos ? link : kept;
    }
    if (kept == nullptr && !complete) {
        add(pool, in, 0);
        return nullptr;
    }
    ngx_chain_t** end = end_;  // of what was held
    ngx_chain_t* out = release();
    end = out == nullptr ? &out : end;
    // The chain is its owner's: it gets back neither fewer links nor other ones.
    for (ngx_chain_t* link = in; link != kept; link = link->next) {
        ngx_chain_t* copied = ngx_alloc_chain_link(pool);
        if (copied == nullptr) {
            throw std::bad_alloc();
        }
        *copied = {link->buf, nullptr};
        *end = copied;
        end = &copied->next;
    }
    if (kept != nullptr) {
        add(pool, kept, 0);
    }
    return out;
}

ngx_chain_t* HeldResponse::release() noexcept {
    ngx_chain_t* all = std::exchange(first_, nullptr);
    end_ = &first_;
    octets_ = 0;
    return all;
}

void HeldResponse::drop(ngx_chain_t* in) noexcept {
    release();
    for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
        link->buf->pos = link->buf->last;
        link->buf->file_pos = link->buf->file_last;
    }
}

}  // namespace gatehouse::waf
