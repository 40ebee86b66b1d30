#pragma once

#include <cstdint>
#include <exception>
#include <type_traits>

#include "ngx/log.hpp"

namespace gatehouse::ngx {

// What a callback returns to nginx if its body throws: its module's stated failure value.
enum class OnThrow : std::uint8_t {
    error,                  // NGX_ERROR
    internal_server_error,  // NGX_HTTP_INTERNAL_SERVER_ERROR: a decision that fails closed
    conf_error,             // NGX_CONF_ERROR
    null,                   // what create_*_conf must return, never NGX_CONF_ERROR
    nothing,                // for void
};

template <OnThrow Failure>
auto failure_value() noexcept {
    if constexpr (Failure == OnThrow::error) {
        return static_cast<ngx_int_t>(NGX_ERROR);
    } else if constexpr (Failure == OnThrow::internal_server_error) {
        return static_cast<ngx_int_t>(NGX_HTTP_INTERNAL_SERVER_ERROR);
    } else if constexpr (Failure == OnThrow::conf_error) {
        return static_cast<char*>(NGX_CONF_ERROR);
    } else if constexpr (Failure == OnThrow::null) {
        return static_cast<void*>(nullptr);
    }
}

// Logs the exception in flight, at ERR, without anything that it was working on.
void log_exception(ngx_log_t* log) noexcept;

template <OnThrow Failure, auto Function>
struct Trampoline;

template <OnThrow Failure, class R, class First, class... Rest, R (*Function)(First, Rest...)>
struct Trampoline<Failure, Function> {
    static R call(First first, Rest... rest) noexcept {
        try {
            return Function(first, rest...);
        } catch (...) {
            log_exception(log_of(first));
        }
        if constexpr (!std::is_void_v<R>) {
            return failure_value<Failure>();
        }
    }
};

// The address to hand to nginx in place of `Function`. An exception that reaches a C frame is not
// stopped by it, so every address that nginx may call goes through here.
template <OnThrow Failure, auto Function>
inline constexpr auto guard = &Trampoline<Failure, Function>::call;

}  // namespace gatehouse::ngx
