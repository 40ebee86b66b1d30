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

base::Result<Policy, PolicyError> policy_of(const Zone& zone, std::string_view rate) noexcept {
    const auto parsed = parse_rate(rate);
    return parsed ? Policy::make(zone.algorithm, {&*parsed, 1}, zone.burst)
                  : base::Result<Policy, PolicyError>(parsed.error());
}

std::shared_ptr<const Policy> unless_of_zone(const Zone& zone, const Policy& policy) {
    return policy.tag() == zone.shape.policy.tag() ? nullptr
                                                   : std::make_shared<const Policy>(policy);
}

std::shared_ptr<const Policy> own_policy(ngx_http_request_t* r, const Limit& limit) {
    if (limit.rate == nullptr) {
        return limit.policy;
    }
    const std::string_view text = ngx::evaluate(r, limit.rate);
    if (text.empty()) {
        return nullptr;
    }
    const auto policy = policy_of(*limit.zone, text);
    if (!policy) {
        complain(r, limit, "rate");
        return nullptr;
    }
    return unless_of_zone(*limit.zone, *policy);
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
