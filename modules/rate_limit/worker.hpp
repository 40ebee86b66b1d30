#pragma once

#include <list>
#include <memory>
#include <vector>

#include "ngx/log_gate.hpp"
#include "rate_limit/conf.hpp"
#include "rate_limit/confirmation.hpp"
#include "rate_limit/debit.hpp"
#include "rate_limit/inquiry.hpp"
#include "redis/client.hpp"

namespace gatehouse::rate_limit {

// What one worker process holds.
struct Worker {
    // Throws std::bad_alloc.
    Worker(const MainConf& conf, ngx_log_t* log);

    redis::Client& client(const Zone& zone) noexcept { return *clients[zone.backend_index]; }

    // An answer was none of the script's: whoever gave it is no Redis, or a broken one. Logged at
    // most once in an interval.
    void distrust(const Zone& zone) noexcept;

    const redis::Script charge;
    const redis::Script refund;
    std::vector<std::unique_ptr<redis::Client>> clients;  // by Zone::backend_index; null: no zone's
    // After the clients, whose queues name them.
    Debits debits{*this};
    Confirmations confirmations{*this};
    Inquiries inquiries{*this};
    ngx::LogGate answer_gate;
};

// Requires that requests are being handled: between create_worker() and destroy_worker().
Worker& worker() noexcept;

// init_module: the new configuration holds. Without a master process the worker is this very
// process, and goes on with it.
ngx_int_t take_over(ngx_cycle_t* cycle);
ngx_int_t create_worker(ngx_cycle_t* cycle);
void destroy_worker(ngx_cycle_t* cycle);

}  // namespace gatehouse::rate_limit
