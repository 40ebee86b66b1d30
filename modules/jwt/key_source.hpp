#pragma once

#include <cstdint>
#include <string>

#include "jwt/context.hpp"

namespace gatehouse::jwt {

// How gathering keys ends. On failure `problem` says why, for the error log.
struct Gathering {
    enum class State : std::uint8_t {
        ready,    // with no key at all, if every source's name is empty
        waiting,  // for a subrequest; the request will run its phases again
        failed,
    };
    State state;
    std::string problem{};
};

// Fills pending.fetched from files and subrequests, one after the other. A source whose name
// evaluates to nothing is none.
Gathering gather_keys(ngx_http_request_t* r, RequestState& state, Pending& pending);

// The same as far as it goes without a subrequest. What fails is not said: it will fail again when
// the keys are needed.
enum class AtHand : std::uint8_t { yes, no, must_fetch };
AtHand gather_keys_at_hand(ngx_http_request_t* r, Pending& pending);

}  // namespace gatehouse::jwt
