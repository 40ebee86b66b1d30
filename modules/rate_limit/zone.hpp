#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ngx/conf.hpp"
#include "rate_limit/core/identity.hpp"
#include "rate_limit/core/key_state.hpp"
#include "redis/options.hpp"

namespace gatehouse::rate_limit {

class Memory;

// on_error: what a zone does with requests that Redis would have to decide about and cannot.
enum class OnError : std::uint8_t { local, open, closed };

// rate_limit_zone: what is counted, how, and where. Lives as long as the cycle.
struct Zone {
    std::string name;
    ngx::ConfPlace place;

    ngx_http_complex_value_t* key = nullptr;
    std::string expression;  // of the key
    KeyKind kind = KeyKind::text;
    unsigned ipv6_prefix = base::kIpv6Prefix;

    std::vector<Rate> rates;
    Algorithm algorithm = Algorithm::gcra;
    std::uint32_t burst = 0;  // 0: that of each rate
    Shape shape;
    OnError on_error = OnError::local;

    std::string redis_name;  // empty: none
    const redis::Options* backend = nullptr;
    std::size_t backend_index = 0;  // among the worker's clients
    base::SipKey identity_key;

    // That of the shape, for as long as the zone.
    std::shared_ptr<const Policy> policy() const noexcept {
        return {std::shared_ptr<const Policy>(), &shape.policy};
    }

    // Requests that a key can be charged beyond its burst: those that all nodes have admitted in
    // advance. Every call about a key says the same.
    std::uint32_t debt() const noexcept {
        return shape.mode == Mode::optimistic ? shape.hosts * std::uint32_t{shape.unconfirmed} : 0;
    }

    std::size_t size = 0;      // of the shared memory, octets
    Memory* memory = nullptr;  // from the cycle's pool
};

}  // namespace gatehouse::rate_limit
