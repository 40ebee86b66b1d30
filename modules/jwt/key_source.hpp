#pragma once

#include <cstdint>
#include <string>

#include "jwt/context.hpp"

namespace gatehouse::jwt {

// How gathering keys ends. On failure `problem` says why, for the error log.
struct Gathering {
    enum class State : std::uint8_t {
        ready,
        waiting,  // for a subrequest; the request will run its phases again
        failed,
    };
    State state;
    std::string problem{};
};

// Fills pending.fetched from files and subrequests, one after the other.
Gathering gather_keys(ngx_http_request_t* r, RequestState& state, Pending& pending);

}  // namespace gatehouse::jwt
