#include "connection_limit/variables.hpp"

#include <array>
#include <string>

#include "base/status.hpp"
#include "connection_limit/context.hpp"
#include "ngx/address_variables.hpp"
#include "ngx/variable.hpp"

namespace gatehouse::connection_limit {
namespace {

using ngx::VariableValue;

// In the order of the enumeration.
constexpr std::array<std::string_view, 7> kStatus{
    "",
    base::kPassed,
    base::kRejected,
    base::kRejectedDryRun,
    base::kBanned,
    base::kBannedDryRun,
    base::kBypassed,
};

const RequestState* decided(ngx_http_request_t* r) noexcept {
    const RequestState* state = RequestContext::find(r->main);
    return state != nullptr && state->status != Status::none ? state : nullptr;
}

VariableValue status(ngx_http_request_t* r) {
    const RequestState* state = decided(r);
    return state == nullptr ? std::nullopt
                            : VariableValue(kStatus[static_cast<std::size_t>(state->status)]);
}

VariableValue current(ngx_http_request_t* r) {
    const RequestState* state = decided(r);
    return state == nullptr
               ? std::nullopt
               : VariableValue(ngx::view(ngx::copy(r->pool, std::to_string(state->current))));
}

}  // namespace

ngx_int_t add_variables(ngx_conf_t* cf) {
    const bool added = ngx::add_address_variables(cf) &&
                       ngx::add_variable(cf, base::kConnectionLimitStatus, ngx::variable<status>) &&
                       ngx::add_variable(cf, "connection_limit_current", ngx::variable<current>);
    return added ? NGX_OK : NGX_ERROR;
}

}  // namespace gatehouse::connection_limit
