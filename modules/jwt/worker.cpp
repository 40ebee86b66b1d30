#include "jwt/worker.hpp"

#include <utility>

#include "ngx/worker.hpp"

namespace gatehouse::jwt {
namespace {

Worker* this_worker = nullptr;

}  // namespace

Worker& worker() { return *this_worker; }

ngx_int_t renew_worker(ngx_cycle_t*) {
    if (this_worker != nullptr) {
        this_worker->keys.clear();
        this_worker->warned.clear();
    }
    return NGX_OK;
}

ngx_int_t create_worker(ngx_cycle_t*) {
    if (ngx::handles_requests()) {
        this_worker = new Worker;
    }
    return NGX_OK;
}

void destroy_worker(ngx_cycle_t*) { delete std::exchange(this_worker, nullptr); }

}  // namespace gatehouse::jwt
