#include "waf/conf.hpp"
#include "waf/core/libmodsecurity.hpp"

namespace gatehouse::waf {

Engine& engine() {
    static Engine* const made = [] {
        auto engine = make_libmodsecurity("gatehouse");
        if (engine == nullptr) {
            throw std::bad_alloc();
        }
        return engine.release();
    }();
    return *made;
}

}  // namespace gatehouse::waf
