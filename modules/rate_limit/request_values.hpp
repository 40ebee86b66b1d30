#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "rate_limit/conf.hpp"

namespace gatehouse::rate_limit {

// What the variables of the configuration say for one request. Those of a request throw
// std::bad_alloc.

// That of the zone with another rate, `rate=` of rate_limit; its burst holds if it is set.
base::Result<Policy, PolicyError> policy_of(const Zone& zone, std::string_view rate) noexcept;

// Null if it is the zone's own.
std::shared_ptr<const Policy> unless_of_zone(const Zone& zone, const Policy& policy);

// If `rate=` says another rate than the zone's, a policy of that; null otherwise. What is no rate
// is logged, and null.
std::shared_ptr<const Policy> own_policy(ngx_http_request_t* r, const Limit& limit);

// `cost=`: 1 without it or if it is empty; 0 is not counted. What is no number is logged, and 1.
std::uint32_t cost_of(ngx_http_request_t* r, const Limit& limit);

}  // namespace gatehouse::rate_limit
