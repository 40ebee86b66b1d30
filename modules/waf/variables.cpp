#include "waf/variables.hpp"

#include <array>
#include <string>

#include "base/status.hpp"
#include "ngx/variable.hpp"
#include "waf/inspection.hpp"

namespace gatehouse::waf {
namespace {

using ngx::VariableValue;

// In the order of the enumeration.
constexpr std::array<std::string_view, 6> kStatus{
    "", base::kPassed, base::kDetected, base::kBlocked, base::kBypassed, base::kError};

const Inspection* find(ngx_http_request_t* r) noexcept {
    const Inspection* inspection = RequestContext::find(r->main);
    return inspection != nullptr && inspection->status() != Status::none ? inspection : nullptr;
}

VariableValue text(ngx_http_request_t* r, std::string_view value) {
    return ngx::view(ngx::copy(r->pool, value));
}

VariableValue status(ngx_http_request_t* r) {
    const Inspection* inspection = find(r);
    return inspection == nullptr
               ? std::nullopt
               : VariableValue(kStatus[static_cast<std::size_t>(inspection->status())]);
}

VariableValue score(ngx_http_request_t* r) {
    const Inspection* inspection = find(r);
    return inspection == nullptr ? std::nullopt : text(r, std::to_string(inspection->score()));
}

VariableValue rules(ngx_http_request_t* r) {
    const Inspection* inspection = find(r);
    if (inspection == nullptr) {
        return std::nullopt;
    }
    std::string ids;
    for (const KeptMatch& match : inspection->matches()) {
        ids.append(ids.empty() ? "" : ",").append(std::to_string(match.id));
    }
    return text(r, ids);
}

VariableValue id(ngx_http_request_t* r) {
    const Inspection* inspection = find(r);
    return inspection == nullptr ? std::nullopt : text(r, inspection->id());
}

}  // namespace

ngx_int_t add_variables(ngx_conf_t* cf) {
    const bool added = ngx::add_variable(cf, base::kWafStatus, ngx::variable<status>) &&
                       ngx::add_variable(cf, "modsecurity_score", ngx::variable<score>) &&
                       ngx::add_variable(cf, "modsecurity_rules", ngx::variable<rules>) &&
                       ngx::add_variable(cf, "modsecurity_id", ngx::variable<id>);
    return added ? NGX_OK : NGX_ERROR;
}

}  // namespace gatehouse::waf
