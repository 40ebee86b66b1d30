#pragma once

#include <memory>
#include <string_view>

#include "waf/core/engine.hpp"

namespace gatehouse::waf {

// The engine that is libmodsecurity 3.0.9 or newer. One per process suffices; made in the master,
// it is inherited by the workers. It must outlive its transactions, and its end takes the global
// state of libxml2 and libcurl with it, whoever else uses them. `connector`: who drives it, for the
// audit log. Null if the library cannot be set up, is another release than its headers, whose
// objects would not fit, or cannot be bounded (libmodsecurity_bounds.hpp). Throws std::bad_alloc.
//
// Rules that run scripts are never shared: what these are is not known beforehand. Neither those,
// nor what is downloaded, is compiled before a child of the process has come through it.
std::unique_ptr<Engine> make_libmodsecurity(std::string_view connector);

}  // namespace gatehouse::waf
