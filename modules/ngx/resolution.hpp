#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ngx/address.hpp"

namespace gatehouse::ngx {

// A name on its way through nginx's resolver.
class Resolution {
  public:
    class Owner {
      public:
        // Called once for each start(), perhaps from within it. Empty: there are none; reason()
        // says why.
        virtual void resolved(std::vector<Address> addresses) noexcept = 0;

      protected:
        ~Owner() = default;
    };

    explicit Resolution(Owner& owner) noexcept : owner_(owner) {}
    Resolution(const Resolution&) = delete;
    Resolution& operator=(const Resolution&) = delete;
    ~Resolution() { cancel(); }

    // Requires that none is under way. `resolver` may be null, which fails. Throws std::bad_alloc.
    void start(ngx_resolver_t* resolver, ngx_msec_t timeout, std::string_view name, in_port_t port);
    void cancel() noexcept;

    // For the log.
    std::string_view reason() const noexcept { return reason_; }

  private:
    static void on_answer(ngx_resolver_ctx_t* context);
    void take(const ngx_resolver_ctx_t& context) noexcept;
    void fail(std::string_view reason) noexcept;

    Owner& owner_;
    ngx_resolver_ctx_t* context_ = nullptr;
    std::string name_;
    in_port_t port_ = 0;
    std::string_view reason_;  // of the program's own strings
};

}  // namespace gatehouse::ngx
