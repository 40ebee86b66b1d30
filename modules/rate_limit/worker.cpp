#include "rate_limit/worker.hpp"

#include <array>
#include <utility>

#include "ngx/worker.hpp"
#include "ngx/zone.hpp"
#include "rate_limit/core/scripts.hpp"
#include "rate_limit/module.hpp"

namespace gatehouse::rate_limit {
namespace {

Worker* this_worker = nullptr;
Worker* former_worker = nullptr;

const MainConf* conf_of(ngx_cycle_t* cycle) noexcept {
    // Null: there is no http block.
    return static_cast<const MainConf*>(
        ngx_http_cycle_get_module_main_conf(cycle, ngx_http_gatehouse_rate_limit_module));
}

}  // namespace

Worker::Worker(const MainConf& conf, ngx_log_t* log)
    : charge(charge_script()), refund(refund_script()) {
    const std::array<const redis::Script*, 2> scripts{&charge, &refund};
    clients.resize(conf.backends.size());
    for (const Zone& zone : conf.zones) {
        if (zone.backend != nullptr && !clients[zone.backend_index]) {
            clients[zone.backend_index] = redis::Client::make(*zone.backend, scripts, log);
        }
    }
}

void Worker::distrust(const Zone& zone) noexcept {
    if (answer_gate.open()) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "redis \"%*s\" gives answers that are none to the module's scripts",
                      zone.redis_name.size(), zone.redis_name.data());
    }
}

Worker& worker() noexcept { return *this_worker; }

ngx_int_t create_worker(ngx_cycle_t* cycle) {
    const MainConf* conf = conf_of(cycle);
    if (ngx::handles_requests() && conf != nullptr) {
        ngx::read_clock();
        this_worker = new Worker(*conf, cycle->log);
    }
    return NGX_OK;
}

ngx_int_t take_over(ngx_cycle_t* cycle) {
    ngx::commit_zones(cycle, ngx_http_gatehouse_rate_limit_module);
    if (this_worker == nullptr) {
        return NGX_OK;
    }
    // Requests that wait for the former one go on: they do so for milliseconds.
    delete std::exchange(former_worker, std::exchange(this_worker, nullptr));
    return create_worker(cycle);
}

void destroy_worker(ngx_cycle_t*) {
    delete std::exchange(this_worker, nullptr);
    delete std::exchange(former_worker, nullptr);
}

}  // namespace gatehouse::rate_limit
