#pragma once

#include <string_view>

#include "ngx/conf.hpp"

namespace gatehouse::ngx {

// Warns if a `return` of the level that is being merged answers all requests there: that is in
// REWRITE, before the phase of `directive`, which stands at `place` of the same level.
void warn_of_return(ngx_conf_t* cf, std::string_view directive, const ConfPlace& place);

}  // namespace gatehouse::ngx
