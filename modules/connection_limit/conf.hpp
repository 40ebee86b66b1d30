#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connection_limit/core/bans.hpp"
#include "connection_limit/core/list.hpp"
#include "connection_limit/zone.hpp"
#include "ngx/bypass.hpp"
#include "ngx/conf.hpp"

namespace gatehouse::connection_limit {

// A zone that a directive names, which may be defined after it.
struct ZoneName {
    std::string name;
    ngx::ConfPlace place;
    Zone* zone = nullptr;  // found when the configuration has been read
};

enum class By : std::uint8_t { connection, request };

// connection_limit
struct Limit : ZoneName {
    std::uint32_t most = 0;
    By by = By::connection;
};

// connection_limit_accept
struct AcceptLimit : ZoneName {
    std::uint32_t most = 0;
    std::uint32_t handshakes = 0;  // 0: no limit
    std::uint32_t rate = 0;        // per second; 0: no limit

    // Of the server, for its address.
    bool dry_run = false;
    ngx_uint_t log_level = NGX_LOG_ERR;
};

// Whose refusals connection_limit_ban counts, as bits.
enum Cause : std::uint8_t { kByLimit = 1, kByRateLimit = 2, kByWaf = 4, kByJwt = 8 };

// connection_limit_ban
struct BanLimit : ZoneName {
    BanRule rule;
    std::uint8_t causes = kByLimit;
};

// connection_limit_list
enum class Action : std::uint8_t { allow, deny };
struct List : ZoneName {
    std::shared_ptr<const CidrList> addresses;
    Action action = Action::deny;
};

// What the directives of one level say; what they do not say comes from the level around it.
struct Declared {
    std::vector<Limit> limits;
    std::vector<BanLimit> bans;
    ngx::Bypass bypass;
    std::optional<bool> dry_run;
    std::optional<ngx_uint_t> status;
    std::optional<ngx_uint_t> log_level;
    std::optional<bool> retry_after;
};

struct LocConf {
    Declared declared;

    // After merging.
    std::vector<Limit> limits;
    std::vector<BanLimit> bans;
    ngx::Bypass bypass;
    bool dry_run = false;
    ngx_uint_t status = NGX_HTTP_SERVICE_UNAVAILABLE;
    ngx_uint_t log_level = NGX_LOG_ERR;
    bool retry_after = true;
};

struct SrvConf {
    std::vector<AcceptLimit> accept;
    std::vector<List> lists;
};

// What holds for connections to one address that servers listen on, of all of these together.
struct Listener {
    const sockaddr* address = nullptr;  // from the cycle's pool
    socklen_t length = 0;
    std::vector<AcceptLimit> limits;
    std::vector<List> lists;
    std::vector<BanLimit> bans;                // for what is refused here
    std::vector<const ngx_array_t*> exempted;  // of ngx_cidr_t: trusted proxies, and bypasses
};

// A variable that says what another module of ours has done with a request, where it is loaded.
struct SiblingStatus {
    ngx_int_t index;           // of the variable
    std::string_view refusal;  // what it says of a refusal
    Cause cause;
};

struct MainConf {
    std::deque<Zone> zones;  // addresses stay what they are
    std::vector<Listener> listeners;
    bool has_bans = false;  // anywhere
    std::vector<SiblingStatus> siblings;
};

}  // namespace gatehouse::connection_limit
