#pragma once

namespace gatehouse::rate_limit {

// Adds the fields of rate_limit_headers to the one response header of a request that was counted.
void install_header_filter();

}  // namespace gatehouse::rate_limit
