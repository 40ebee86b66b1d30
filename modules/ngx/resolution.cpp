#include "ngx/resolution.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "ngx/guard.hpp"
#include "ngx/str.hpp"

namespace gatehouse::ngx {
namespace {

// Nobody tries more of them before it is time to ask again.
constexpr std::size_t kMaxAddresses = 16;

}  // namespace

void Resolution::start(ngx_resolver_t* resolver, ngx_msec_t timeout, std::string_view name,
                       in_port_t port) {
    name_ = name;
    port_ = port;
    ngx_resolver_ctx_t* context = resolver != nullptr
                                      ? ngx_resolve_start(resolver, nullptr)
                                      : static_cast<ngx_resolver_ctx_t*>(NGX_NO_RESOLVER);
    if (context == nullptr) {
        throw std::bad_alloc();
    }
    if (context == NGX_NO_RESOLVER) {
        fail("no resolver is defined");
        return;
    }
    context->name = borrow(name_);
    context->handler = guard<OnThrow::nothing, on_answer>;
    context->data = this;
    context->timeout = timeout;
    context->cancelable = 1;
    // Before the call, which may answer at once, and frees the context if it fails.
    context_ = context;
    if (ngx_resolve_name(context) != NGX_OK) {
        context_ = nullptr;
        fail("the resolver failed");
    }
}

void Resolution::cancel() noexcept {
    if (context_ != nullptr) {
        ngx_resolve_name_done(std::exchange(context_, nullptr));
    }
}

void Resolution::on_answer(ngx_resolver_ctx_t* context) {
    static_cast<Resolution*>(context->data)->take(*context);
}

void Resolution::take(const ngx_resolver_ctx_t& context) noexcept {
    if (context.state != NGX_OK) {
        const char* why = ngx_resolver_strerror(context.state);
        cancel();
        fail(why);
        return;
    }
    std::vector<Address> addresses;
    try {
        const std::size_t count = std::min<std::size_t>(context.naddrs, kMaxAddresses);
        addresses.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            const ngx_resolver_addr_t& found = context.addrs[i];
            addresses.push_back(with_port(found.sockaddr, found.socklen, port_));
        }
    } catch (const std::bad_alloc&) {
        addresses.clear();
        reason_ = "out of memory";
    }
    cancel();
    owner_.resolved(std::move(addresses));
}

void Resolution::fail(std::string_view reason) noexcept {
    reason_ = reason;
    owner_.resolved({});
}

}  // namespace gatehouse::ngx
