#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ngx/bypass.hpp"
#include "ngx/conf.hpp"
#include "rate_limit/core/identity.hpp"
#include "rate_limit/core/key_state.hpp"
#include "rate_limit/zone.hpp"
#include "redis/options.hpp"

namespace gatehouse::rate_limit {

// rate_limit: one limit of a place.
struct Limit {
    std::string zone_name;
    ngx::ConfPlace place;
    const Zone* zone = nullptr;            // found when the configuration has been read
    std::shared_ptr<const Policy> policy;  // of a constant rate; none: that of the zone
    ngx_http_complex_value_t* rate = nullptr;
    ngx_http_complex_value_t* cost = nullptr;
    std::optional<std::uint32_t> undelayed;  // delay=N: requests beyond the rate that do not wait
};

// rate_limit_headers
enum class Headers : std::uint8_t { off, draft, legacy };

// What the directives of one level say; what they do not say comes from the level around it.
struct Declared {
    std::vector<Limit> limits;
    ngx::Bypass bypass;
    std::optional<bool> dry_run;
    std::optional<ngx_uint_t> status;
    std::optional<ngx_uint_t> log_level;
    std::optional<Headers> headers;
    std::optional<bool> retry_after;
};

struct LocConf {
    Declared declared;

    // After merging.
    std::vector<Limit> limits;
    ngx::Bypass bypass;
    bool dry_run = false;
    ngx_uint_t status = NGX_HTTP_TOO_MANY_REQUESTS;
    ngx_uint_t log_level = NGX_LOG_ERR;
    Headers headers = Headers::draft;
    bool retry_after = true;
};

struct MainConf {
    std::deque<redis::Options> backends;  // by Zone::backend
    std::deque<Zone> zones;               // addresses stay what they are
};

}  // namespace gatehouse::rate_limit
