#pragma once

namespace gatehouse::connection_limit {

// Adds the filter of response headers that says when a ban ends.
void install_header_filter();

}  // namespace gatehouse::connection_limit
