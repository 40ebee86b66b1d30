#include "redis/early_calls.hpp"

#include "redis/core/slots.hpp"

namespace gatehouse::redis {

EarlyCalls::EarlyCalls(Context& context) noexcept
    : context_(context),
      timer_(*this, ngx::calls<&EarlyCalls::fail>, context.log, ngx::AtExit::wait) {}

Failure EarlyCalls::add(const Script& script, std::span<const std::string_view> keys,
                        std::span<const std::string_view> arguments, Waiter* waiter) {
    const Options& options = context_.options;
    if (calls_.size() >= options.max_pending) {
        return Failure::full;
    }
    const ngx_msec_t patience = options.connect_timeout + options.timeout;
    CallPool::Handle call = context_.calls.take();
    call->command = Command::evalsha(script, keys, arguments);
    call->script = &script;
    call->deadline = ngx_current_msec + patience;
    calls_.push_back({std::move(call), key_slot(keys.front())});
    calls_.back().call->attach(waiter);
    if (!timer_.running()) {
        timer_.start(patience);
    }
    return Failure::none;
}

void EarlyCalls::fail() noexcept {
    for (Early& early : close()) {
        give_up(early);
    }
}

std::vector<EarlyCalls::Early> EarlyCalls::close() noexcept {
    open_ = false;
    timer_.stop();
    return std::exchange(calls_, {});
}

void EarlyCalls::give_up(Early& early) noexcept {
    if (early.call) {
        redis::fail(std::move(early.call), Failure::down);
    }
}

}  // namespace gatehouse::redis
