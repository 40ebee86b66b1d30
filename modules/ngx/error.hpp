#pragma once

#include <string>
#include <string_view>

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// `<what> failed (111: Connection refused)`, as nginx's own messages. Throws std::bad_alloc.
std::string system_error(std::string_view what, ngx_err_t error);

}  // namespace gatehouse::ngx
