#pragma once

#include <memory>
#include <string_view>

#include "waf/core/engine.hpp"

namespace gatehouse::waf {

// The engine that is libmodsecurity 3.0.9 or newer. One per process suffices; made in the master,
// it is inherited by the workers. `connector`: who drives it, for the audit log. Null if the
// library cannot be set up. Throws std::bad_alloc.
std::unique_ptr<Engine> make_libmodsecurity(std::string_view connector);

}  // namespace gatehouse::waf
