#pragma once

#include <string>

#include "jwt/context.hpp"

namespace gatehouse::jwt {

enum class KeysReady : std::uint8_t { yes, later, failed };

// Fills pending.fetched from files and subrequests, one after the other. `later`: a subrequest is
// under way and the request will run its phases again. `failed`: `problem` says why, for the error
// log.
KeysReady gather_keys(ngx_http_request_t* r, RequestState& state, Pending& pending,
                      std::string& problem);

}  // namespace gatehouse::jwt
