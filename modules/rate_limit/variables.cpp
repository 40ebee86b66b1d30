#include "rate_limit/variables.hpp"

#include <array>
#include <charconv>

#include "base/status.hpp"
#include "ngx/address_variables.hpp"
#include "ngx/variable.hpp"
#include "rate_limit/context.hpp"
#include "rate_limit/core/header_fields.hpp"

namespace gatehouse::rate_limit {
namespace {

using ngx::VariableValue;

// In the order of the enumerations.
constexpr std::array<std::string_view, 7> kStatus{
    "",
    base::kPassed,
    base::kDelayed,
    base::kRejected,
    base::kDelayedDryRun,
    base::kRejectedDryRun,
    base::kBypassed,
};
constexpr std::array<std::string_view, 6> kSource{"",           "redis", "lease",
                                                  "deny_cache", "local", "error"};

// Null while nothing is decided.
const RequestState* decided(ngx_http_request_t* r) noexcept {
    const RequestState* state = RequestContext::find(r->main);
    return state != nullptr && state->status != Status::none ? state : nullptr;
}

// Null where no limit has counted the request.
const RequestState* counted(ngx_http_request_t* r) noexcept {
    const RequestState* state = decided(r);
    return state != nullptr && state->outcome.zone != nullptr ? state : nullptr;
}

VariableValue number(ngx_http_request_t* r, std::int64_t value) {
    std::array<char, 24> text;
    const char* end = std::to_chars(text.begin(), text.end(), value).ptr;
    return ngx::view(
        ngx::copy(r->pool, {text.data(), static_cast<std::size_t>(end - text.data())}));
}

VariableValue status(ngx_http_request_t* r) {
    const RequestState* state = decided(r);
    return state == nullptr ? std::nullopt
                            : VariableValue(kStatus[static_cast<std::size_t>(state->status)]);
}

VariableValue zone(ngx_http_request_t* r) {
    const RequestState* state = counted(r);
    return state == nullptr ? std::nullopt : VariableValue(state->outcome.zone->name);
}

VariableValue remaining(ngx_http_request_t* r) {
    const RequestState* state = counted(r);
    return state == nullptr || !state->outcome.known ? std::nullopt
                                                     : number(r, state->outcome.verdict.remaining);
}

VariableValue reset(ngx_http_request_t* r) {
    const RequestState* state = counted(r);
    return state == nullptr || !state->outcome.known
               ? std::nullopt
               : number(r, whole_seconds(state->outcome.verdict.reset));
}

VariableValue source(ngx_http_request_t* r) {
    const RequestState* state = counted(r);
    return state == nullptr
               ? std::nullopt
               : VariableValue(kSource[static_cast<std::size_t>(state->outcome.source)]);
}

}  // namespace

ngx_int_t add_variables(ngx_conf_t* cf) {
    const bool added = ngx::add_address_variables(cf) &&
                       ngx::add_variable(cf, base::kRateLimitStatus, ngx::variable<status>) &&
                       ngx::add_variable(cf, "rate_limit_zone", ngx::variable<zone>) &&
                       ngx::add_variable(cf, "rate_limit_remaining", ngx::variable<remaining>) &&
                       ngx::add_variable(cf, "rate_limit_reset", ngx::variable<reset>) &&
                       ngx::add_variable(cf, "rate_limit_source", ngx::variable<source>);
    return added ? NGX_OK : NGX_ERROR;
}

}  // namespace gatehouse::rate_limit
