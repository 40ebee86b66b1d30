#include "ngx/guard.hpp"

#include <new>

namespace gatehouse::ngx {

void log_exception(ngx_log_t* log) noexcept {
    try {
        throw;
    } catch (const std::bad_alloc&) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "gatehouse: out of memory");
    } catch (const std::exception& error) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "gatehouse: unexpected exception: %s", error.what());
    } catch (...) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "gatehouse: unexpected exception");
    }
}

}  // namespace gatehouse::ngx
