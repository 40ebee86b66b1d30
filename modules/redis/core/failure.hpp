#pragma once

#include <cstdint>
#include <string_view>

namespace gatehouse::redis {

// Why a call has no answer. None of these says whether the call was carried out, but for `busy`
// and `down`, where it was never sent.
enum class Failure : std::uint8_t {
    none,
    down,      // no connection, and the next attempt is not due yet
    full,      // max_pending calls are waiting already
    timeout,   // no answer within `timeout`; the connection is given up
    lost,      // the connection ended before the answer
    protocol,  // what came is no reply, or beyond the limits; the connection is given up
    refused,   // an error reply: READONLY, LOADING, MISCONF, OOM, NOAUTH, NOPERM, CLUSTERDOWN ...
};

// A few words for the log.
std::string_view message(Failure failure) noexcept;

}  // namespace gatehouse::redis
