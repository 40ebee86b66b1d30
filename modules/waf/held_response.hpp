#pragma once

#include <cstddef>

#include "ngx/api.hpp"

namespace gatehouse::waf {

// A response body that waits for the verdict, in copies from the request's pool.
class HeldResponse {
  public:
    // Whether what is held and the chain are `most` octets or fewer.
    bool fits(const ngx_chain_t* in, std::size_t most) const noexcept;

    // Takes over what the chain holds; its buffers are free then. Throws std::bad_alloc.
    void add(ngx_pool_t* pool, ngx_chain_t* in);

    // What may go on when `in` has come and no verdict yet: what was held, and `in` up to its last
    // octets, which are held instead. A response must not be complete before it was judged. If `in`
    // has no octets, it goes on alone: filters that come later wait for its flags. All of it if
    // `complete`. Throws std::bad_alloc.
    ngx_chain_t* exchange(ngx_pool_t* pool, ngx_chain_t* in, bool complete);

    // All of it, in order; null: nothing.
    ngx_chain_t* release() noexcept;

  private:
    ngx_chain_t* first_ = nullptr;
    ngx_chain_t** end_ = &first_;
    std::size_t octets_ = 0;
};

}  // namespace gatehouse::waf
