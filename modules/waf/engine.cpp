#include <stdexcept>

#include "waf/conf.hpp"
#include "waf/core/libmodsecurity.hpp"

namespace gatehouse::waf {

Engine& engine() {
    static Engine* const made = [] {
        auto engine = make_libmodsecurity("gatehouse");
        if (engine == nullptr) {
            throw std::runtime_error(
                "libmodsecurity is another release than the module was built for, or one that "
                "cannot be bounded");
        }
        return engine.release();
    }();
    return *made;
}

}  // namespace gatehouse::waf
