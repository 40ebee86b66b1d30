#include "connection_limit/worker.hpp"

#include <utility>

#include "connection_limit/accept.hpp"
#include "connection_limit/module.hpp"
#include "ngx/event.hpp"
#include "ngx/worker.hpp"
#include "ngx/zone.hpp"

namespace gatehouse::connection_limit {
namespace {

// Leases of a process that was killed are to be gone within a second.
constexpr ngx_msec_t kInterval = 500;

// Looks after the dead: takes back what they held.
class Undertaker {
  public:
    Undertaker(MainConf& conf, ngx_log_t* log)
        : conf_(conf),
          log_(log),
          timer_(*this, ngx::calls<&Undertaker::look>, log, ngx::AtExit::drop) {
        const Owner own = self();
        for (Zone& zone : conf_.zones) {
            const ngx::ZoneLock lock(zone);
            zone.owner = zone.leases().enroll(own, static_cast<std::uint32_t>(ngx_process_slot));
        }
        timer_.start(kInterval);
    }

    // A worker that ends in order has closed its connections: what is left is nobody's.
    ~Undertaker() {
        for (Zone& zone : conf_.zones) {
            const ngx::ZoneLock lock(zone);
            zone.leases().reclaim(zone.owner);
            zone.owner = LeaseTable::kMaxOwners;
        }
    }

  private:
    void look() {
        for (Zone& zone : conf_.zones) {
            for (std::size_t i = 0; i < LeaseTable::kMaxOwners; ++i) {
                look_at(zone, i);
            }
        }
        timer_.start(kInterval);
    }

    void look_at(Zone& zone, std::size_t index) {
        Owner owner;
        {
            const ngx::ZoneLock lock(zone);
            owner = zone.leases().owner(index);
        }
        if (owner.pid == 0 || is_alive(owner)) {
            return;
        }
        {
            const ngx::ZoneLock lock(zone);
            if (zone.leases().owner(index) != owner) {
                return;  // somebody else was faster
            }
            zone.leases().reclaim(index);
        }
        zone.count(Counter::reclaimed);
        ngx_log_error(NGX_LOG_NOTICE, log_, 0, "zone \"%*s\": what process %d held was reclaimed",
                      zone.title.size(), zone.title.data(), static_cast<int>(owner.pid));
    }

    MainConf& conf_;
    ngx_log_t* log_;
    ngx::Timer timer_;
};

Undertaker* undertaker = nullptr;

MainConf* conf_of(ngx_cycle_t* cycle) noexcept {
    // Null: there is no http block.
    return static_cast<MainConf*>(
        ngx_http_cycle_get_module_main_conf(cycle, ngx_http_gatehouse_connection_limit_module));
}

}  // namespace

ngx_int_t take_over(ngx_cycle_t* cycle) {
    MainConf* conf = conf_of(cycle);
    if (conf == nullptr) {
        return NGX_OK;
    }
    ngx::commit_zones(cycle, ngx_http_gatehouse_connection_limit_module);
    wrap_listeners(cycle, *conf);
    // Without a master the requests of the old configuration go on in this very process, and its
    // leases with them: the new zones know it as the same owner.
    if (undertaker != nullptr) {
        delete std::exchange(undertaker, nullptr);
        return create_worker(cycle);
    }
    return NGX_OK;
}

ngx_int_t create_worker(ngx_cycle_t* cycle) {
    MainConf* conf = conf_of(cycle);
    if (ngx::handles_requests() && conf != nullptr && !conf->zones.empty()) {
        undertaker = new Undertaker(*conf, cycle->log);
    }
    return NGX_OK;
}

void destroy_worker(ngx_cycle_t*) { delete std::exchange(undertaker, nullptr); }

}  // namespace gatehouse::connection_limit
