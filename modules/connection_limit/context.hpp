#pragma once

#include <cstdint>
#include <vector>

#include "connection_limit/conf.hpp"
#include "connection_limit/connection.hpp"
#include "connection_limit/module.hpp"
#include "ngx/request.hpp"

namespace gatehouse::connection_limit {

// $connection_limit_status
enum class Status : std::uint8_t {
    none,
    passed,
    rejected,
    rejected_dry_run,
    banned,
    banned_dry_run,
    bypassed,
};

// Mostly there is one.
class Leases {
  public:
    // For a lease to be taken; good until the next call. Throws std::bad_alloc.
    Lease& vacancy() { return first_.held() ? others_.emplace_back() : first_; }
    void clear() noexcept {
        first_.end();
        others_.clear();
    }

  private:
    Lease first_;
    std::vector<Lease> others_;
};

// What is known about one request of a client. Subrequests have none: they are not counted.
struct RequestState {
    explicit RequestState(ngx_http_request_t* r) noexcept : request(r) {}

    ngx_http_request_t* const request;
    const LocConf* conf = nullptr;  // of the place whose limits and bans hold
    bool looked_at = false;         // by PREACCESS of that place
    bool decided = false;           // a limit applied, or a ban, or the bypass
    Status status = Status::none;
    std::int64_t banned_until = 0;  // where Retry-After is to say so; microseconds
    std::uint32_t current = 0;      // $connection_limit_current
    Leases leases;                  // by=request: as long as the request
};

using RequestContext = ngx::Context<RequestState, ngx_http_gatehouse_connection_limit_module>;

inline const LocConf& loc_conf(const ngx_http_request_t* r) noexcept {
    return ngx::location_conf<LocConf>(r, ngx_http_gatehouse_connection_limit_module);
}

inline const SrvConf& srv_conf(const ngx_http_request_t* r) noexcept {
    return *static_cast<const SrvConf*>(
        r->srv_conf[ngx_http_gatehouse_connection_limit_module.ctx_index]);
}

}  // namespace gatehouse::connection_limit
