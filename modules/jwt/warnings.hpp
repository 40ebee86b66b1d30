#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "jwt/conf.hpp"

namespace gatehouse::jwt {

// What an operator should change, found out only while requests are served. Each is said once for a
// place by each worker.
enum class Warning : std::uint8_t { read_before_keys, unchecked_subrequest };

// How both the configuration and a worker complain of the second.
inline constexpr std::string_view kInSubrequests =
    "in subrequests, as auth_request makes them; set \"auth_jwt_phase preaccess\"";

// For messages: `in location "/a"`.
std::string where(const ngx_http_core_loc_conf_t& core);

// Throws std::bad_alloc.
void warn_once(ngx_http_request_t* r, const LocConf& conf, Warning warning);

}  // namespace gatehouse::jwt
