#pragma once

#include <cstdint>
#include <optional>

#include "ngx/request.hpp"
#include "rate_limit/conf.hpp"
#include "rate_limit/decision.hpp"
#include "rate_limit/module.hpp"

namespace gatehouse::rate_limit {

// $rate_limit_status
enum class Status : std::uint8_t {
    none,
    passed,
    delayed,
    rejected,
    delayed_dry_run,
    rejected_dry_run,
    bypassed,
};

// What is known about one client request. Subrequests have none: they are not counted.
struct RequestState {
    explicit RequestState(ngx_http_request_t* r) noexcept : request(r) {}

    ngx_http_request_t* const request;
    Status status = Status::none;      // none: not decided yet
    Outcome outcome;                   // of the limit that decided, once there is a status
    std::optional<Decision> decision;  // while it is made
    Headers headers = Headers::off;    // of the place where it was decided
    bool retry_after = false;          // of that place, too
    ngx_uint_t refused_with = 0;       // the status code; 0 if not refused
};

using RequestContext = ngx::Context<RequestState, ngx_http_gatehouse_rate_limit_module>;

inline const LocConf& loc_conf(const ngx_http_request_t* r) noexcept {
    return ngx::location_conf<LocConf>(r, ngx_http_gatehouse_rate_limit_module);
}

}  // namespace gatehouse::rate_limit
