#include "rate_limit/request_values.hpp"

#include "ngx/log.hpp"
#include "ngx/request.hpp"

namespace gatehouse::rate_limit {
namespace {

// The value itself stays out of the log: it may hold anything of the request.
void complain(ngx_http_request_t* r, const Limit& limit, std::string_view what) {
    const std::string text =
        "the \"" + std::string(what) + "\" of zone \"" + limit.zone_name + "\" is invalid";
    ngx::log(NGX_LOG_ERR, r->connection->log, text, "");
}

}  // namespace

bool bypassed(ngx_http_request_t* r, const Bypass& bypass) {
    if (bypass.addresses != nullptr &&
        ngx_cidr_match(r->connection->sockaddr, bypass.addresses) == NGX_OK) {
        return true;
    }
    for (ngx_http_complex_value_t* value : bypass.values) {
        const std::string_view text = ngx::evaluate(r, value);
        if (!text.empty() && text != "0") {
            return true;
        }
    }
    return false;
}

Policy policy_of(ngx_http_request_t* r, const Limit& limit) {
    const Zone& zone = *limit.zone;
    if (limit.rate == nullptr) {
        return zone.shape.policy;
    }
    const std::string_view text = ngx::evaluate(r, limit.rate);
    if (text.empty()) {
        return zone.shape.policy;
    }
    const auto rate = parse_rate(text);
    const auto policy = rate ? Policy::make(zone.algorithm, {&*rate, 1}, zone.burst)
                             : base::Result<Policy, PolicyError>(rate.error());
    if (!policy) {
        complain(r, limit, "rate");
        return zone.shape.policy;
    }
    return *policy;
}

std::uint32_t cost_of(ngx_http_request_t* r, const Limit& limit) {
    if (limit.cost == nullptr) {
        return 1;
    }
    const std::string_view text = ngx::evaluate(r, limit.cost);
    if (text.empty()) {
        return 1;
    }
    const auto cost = ngx::parse_number(text);
    if (!cost) {
        complain(r, limit, "cost");
        return 1;
    }
    return static_cast<std::uint32_t>(std::min<std::size_t>(*cost, kMaxRequests));
}

}  // namespace gatehouse::rate_limit
