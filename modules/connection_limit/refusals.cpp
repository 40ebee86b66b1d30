#include "connection_limit/refusals.hpp"

#include <string>

#include "connection_limit/context.hpp"
#include "connection_limit/identify.hpp"
#include "ngx/clock.hpp"
#include "ngx/log.hpp"

namespace gatehouse::connection_limit {
namespace {

bool rejected(ngx_http_request_t* r, ngx_int_t variable) noexcept {
    return variable != NGX_ERROR && ngx::variable_value(r, variable).value_or("") == "REJECTED";
}

bool brings_ban(ngx_http_request_t* r, const BanLimit& ban) {
    const auto key = identify(r, *ban.zone);
    if (!key) {
        return false;
    }
    const ngx::ZoneLock lock(*ban.zone);
    return ban.zone->bans().refused(*key, ban.rule, ngx::monotonic_microseconds());
}

}  // namespace

void note_refusal(ngx_http_request_t* r, const LocConf& conf, Cause cause) {
    for (const BanLimit& ban : conf.bans) {
        if ((ban.causes & cause) == 0 || !brings_ban(r, ban)) {
            continue;
        }
        const std::string text = "banned by zone \"" + ban.zone->title + "\" for " +
                                 std::to_string(ban.rule.length / 1'000'000) + "s";
        ngx::log(conf.log_level, r->connection->log, text, "");
    }
}

ngx_int_t log_phase(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    if (conf.bans.empty()) {
        return NGX_OK;
    }
    const auto& main = ngx::main_conf<MainConf>(r, ngx_http_gatehouse_connection_limit_module);
    if (rejected(r, main.rate_limit_status)) {
        note_refusal(r, conf, kByRateLimit);
    }
    if (rejected(r, main.waf_status)) {
        note_refusal(r, conf, kByWaf);
    }
    if (rejected(r, main.jwt_status)) {
        note_refusal(r, conf, kByJwt);
    }
    return NGX_OK;
}

}  // namespace gatehouse::connection_limit
