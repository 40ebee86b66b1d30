#include "connection_limit/worker.hpp"

#include <utility>
#include <vector>

#include "connection_limit/accept.hpp"
#include "connection_limit/module.hpp"
#include "ngx/event.hpp"
#include "ngx/worker.hpp"

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
          own_(self()),
          timer_(*this, ngx::calls<&Undertaker::look>, log, ngx::AtExit::drop) {
        owners_.reserve(LeaseTable::kMaxOwners);
        look();
    }

    // This process ends: what it still holds is nobody's.
    void leave() noexcept {
        for (Zone& zone : conf_.zones) {
            const ZoneLock lock(zone);
            zone.leases().reclaim(zone.owner);
            zone.owner = LeaseTable::kMaxOwners;
        }
    }

  private:
    struct Enrolled {
        std::size_t index;
        Owner owner;
    };

    void look() {
        judged_.clear();
        for (Zone& zone : conf_.zones) {
            look_at(zone);
        }
        timer_.start(kInterval);
    }

    void look_at(Zone& zone) {
        owners_.clear();
        {
            const ZoneLock lock(zone);
            // Whoever has taken this process for dead was wrong.
            zone.owner = zone.leases().enroll(own_);
            for (std::size_t i = 0; i < LeaseTable::kMaxOwners; ++i) {
                const Owner owner = zone.leases().owner(i);
                if (owner.pid != 0 && owner != own_) {
                    owners_.push_back({i, owner});
                }
            }
        }
        for (const Enrolled& enrolled : owners_) {
            if (is_dead(enrolled.owner)) {
                bury(zone, enrolled);
            }
        }
    }

    // Most zones know the same processes: the system is asked once about each.
    bool is_dead(const Owner& owner) {
        for (const auto& [known, dead] : judged_) {
            if (known == owner) {
                return dead;
            }
        }
        return judged_.emplace_back(owner, !is_alive(owner)).second;
    }

    void bury(Zone& zone, const Enrolled& dead) noexcept {
        std::size_t leases = 0;
        {
            const ZoneLock lock(zone);
            if (zone.leases().owner(dead.index) != dead.owner) {
                return;  // somebody else was faster
            }
            leases = zone.leases().reclaim(dead.index);
        }
        zone.count(Counter::reclaimed, leases);
        ngx_log_error(NGX_LOG_NOTICE, log_, 0,
                      "zone \"%*s\": reclaimed %uz leases of process %d, which has died",
                      zone.title.size(), zone.title.data(), leases,
                      static_cast<int>(dead.owner.pid));
    }

    MainConf& conf_;
    ngx_log_t* log_;
    const Owner own_;
    std::vector<Enrolled> owners_;
    std::vector<std::pair<Owner, bool>> judged_;  // and dead
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
    ngx::close_inherited(cycle, kZonePrefix);
    MainConf* conf = conf_of(cycle);
    if (conf == nullptr) {
        return NGX_OK;
    }
    for (Zone& zone : conf->zones) {
        zone.commit();
    }
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
        if (ngx_process == NGX_PROCESS_WORKER) {
            for (Zone& zone : conf->zones) {
                zone.keep_from_children();
            }
        }
        undertaker = new Undertaker(*conf, cycle->log);
    }
    return NGX_OK;
}

void destroy_worker(ngx_cycle_t*) {
    if (undertaker != nullptr) {
        undertaker->leave();
        delete std::exchange(undertaker, nullptr);
    }
}

}  // namespace gatehouse::connection_limit
