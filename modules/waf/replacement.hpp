#pragma once

#include "ngx/event.hpp"

namespace gatehouse::waf {

// An answer of nginx's own in the place of a response whose header was held back. The filter that
// wants it runs inside of what makes the response, for instance the loop that reads an upstream's
// connection: this takes what still comes, and the answer is made once that has returned.
class Replacement {
  public:
    explicit Replacement(ngx_http_request_t* r) noexcept;

    // From here on what comes goes to swallow(). `has_body`: there is more of the response.
    void begin(ngx_int_t status, bool has_body) noexcept;
    bool begun() const noexcept { return status_ != 0; }

    // The result is that of a body filter.
    ngx_int_t swallow(ngx_chain_t* in) noexcept;

  private:
    void answer();
    bool may_answer() const noexcept;

    ngx_http_request_t* const request_;
    ngx_int_t status_ = 0;
    bool complete_ = false;  // the response, all of it swallowed
    ngx::Posted posted_;
};

}  // namespace gatehouse::waf
