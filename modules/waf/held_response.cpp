#include "waf/held_response.hpp"

#include <cstring>
#include <new>
#include <utility>

namespace gatehouse::waf {
namespace {

void copy_octets(ngx_pool_t* pool, const ngx_buf_t& source, ngx_buf_t& copy) {
    const auto size = static_cast<std::size_t>(source.last - source.pos);
    copy.start = static_cast<u_char*>(ngx_pnalloc(pool, size));
    if (copy.start == nullptr) {
        throw std::bad_alloc();
    }
    std::memcpy(copy.start, source.pos, size);
    copy.pos = copy.start;
    copy.last = copy.end = copy.start + size;
    copy.temporary = 1;
}

// What is in a file only stays there; a flag travels alone.
ngx_chain_t* copy_link(ngx_pool_t* pool, const ngx_buf_t& source) {
    ngx_chain_t* link = ngx_alloc_chain_link(pool);
    auto* copy = static_cast<ngx_buf_t*>(ngx_pcalloc(pool, sizeof(ngx_buf_t)));
    if (link == nullptr || copy == nullptr) {
        throw std::bad_alloc();
    }
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
    *link = {copy, nullptr};
    return link;
}

bool has_flush(const ngx_chain_t* in) noexcept {
    while (in != nullptr && !in->buf->flush) {
        in = in->next;
    }
    return in != nullptr;
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

}  // namespace

bool HeldResponse::fits(const ngx_chain_t* in, std::size_t most) const noexcept {
    std::size_t octets = octets_;
    for (const ngx_chain_t* link = in; link != nullptr; link = link->next) {
        octets += static_cast<std::size_t>(ngx_buf_size(link->buf));
    }
    return octets <= most;
}

void HeldResponse::add(ngx_pool_t* pool, ngx_chain_t* in) {
    for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
        ngx_buf_t& buffer = *link->buf;
        ngx_chain_t* copied = copy_link(pool, buffer);
        octets_ += static_cast<std::size_t>(ngx_buf_size(copied->buf));
        buffer.pos = buffer.last;  // whoever owns it may use it again
        buffer.file_pos = buffer.file_last;
        *end_ = copied;
        end_ = &copied->next;
    }
}

ngx_chain_t* HeldResponse::exchange(ngx_pool_t* pool, ngx_chain_t* in, bool complete) {
    ngx_chain_t* kept = complete ? nullptr : last_with_octets(in);
    ngx_chain_t* out = nullptr;
    ngx_chain_t** end = &out;
    if ((complete || kept != nullptr) && first_ != nullptr) {
        end = end_;
        out = release();
    }
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
    // Whoever makes the response may wait until what is on its way has left.
    if (out != nullptr && has_flush(kept)) {
        *end = flush_link(pool);
    }
    add(pool, kept);
    return out;
}

ngx_chain_t* HeldResponse::release() noexcept {
    ngx_chain_t* all = std::exchange(first_, nullptr);
    end_ = &first_;
    octets_ = 0;
    return all;
}

}  // namespace gatehouse::waf
