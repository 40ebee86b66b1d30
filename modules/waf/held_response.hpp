#pragma once

#include <cstddef>

#include "ngx/event.hpp"

namespace gatehouse::waf {

// What of a response body waits for the verdict, in copies from the request's pool: all of it, or
// what would end it.
class HeldResponse {
  public:
    // `next`: where the octets go to.
    HeldResponse(ngx_http_request_t* r, ngx_http_output_body_filter_pt next) noexcept;

    // The header is known, and with it the length of the body.
    void begin() noexcept;

    // What has come, and is held or passed next.
    void count(const ngx_chain_t* in) noexcept;

    // Whether what is held and the chain are `most` octets or fewer.
    bool fits(const ngx_chain_t* in, std::size_t most) const noexcept;

    // Takes over what the chain holds; its buffers are free then. Throws std::bad_alloc.
    void add(ngx_chain_t* in);

    // Without a verdict: passes on what was held, and `in`, but for what would complete the
    // response. That is the last octet of its length. If the length is unknown, the last octet of
    // `in` waits for more; for a moment only, if the framing tells the client what is the end. Of
    // what is compressed it is the last buffer. A chain without octets goes on alone: filters that
    // come later wait for its flags. Throws std::bad_alloc.
    ngx_int_t pass(ngx_chain_t* in);

    // With the verdict: passes on what was held, and `in`. Throws std::bad_alloc.
    ngx_int_t complete(ngx_chain_t* in);

    void forget() noexcept { take(); }

  private:
    ngx_chain_t* take() noexcept;
    void append(ngx_chain_t* link) noexcept;
    void hold_end(ngx_chain_t& link);
    void hold_last_octet(ngx_buf_t& buffer);
    bool may_go_on_soon() const noexcept;
    void go_on();
    ngx_int_t send(ngx_chain_t* out);

    ngx_http_request_t* request_;
    ngx_http_output_body_filter_pt next_;
    ngx::Timer moment_;
    off_t rest_ = -1;  // of the body, that has not come yet; negative: unknown
    ngx_chain_t* first_ = nullptr;
    ngx_chain_t** end_ = &first_;
    std::size_t octets_ = 0;
    ngx_chain_t* free_ = nullptr;  // buffers of one octet
    ngx_chain_t* busy_ = nullptr;
};

}  // namespace gatehouse::waf
