#include <array>
#include <utility>

#include "base/status.hpp"
#include "connection_limit/directives.hpp"
#include "connection_limit/module.hpp"
#include "ngx/rewrite.hpp"
#include "ngx/variable.hpp"

namespace gatehouse::connection_limit {
namespace {

// Whose refusals may count.
constexpr std::array<std::pair<std::string_view, Cause>, 3> kSiblings{{
    {base::kRateLimitStatus, kByRateLimit},
    {base::kWafStatus, kByWaf},
    {base::kJwtStatus, kByJwt},
}};

MainConf& main_conf(ngx_conf_t* cf) noexcept {
    return ngx::main_conf<MainConf>(cf, ngx_http_gatehouse_connection_limit_module);
}

// False if there is no zone of that name, which has been logged.
bool bind(ngx_conf_t* cf, ZoneName& named) {
    for (Zone& zone : main_conf(cf).zones) {
        if (zone.title == named.name) {
            named.zone = &zone;
            return true;
        }
    }
    ngx::log_conf_error(cf, named.place, "unknown zone \"" + named.name + "\"");
    return false;
}

template <class Named>
bool bind_all(ngx_conf_t* cf, std::vector<Named>& names) {
    for (Named& named : names) {
        if (!bind(cf, named)) {
            return false;
        }
    }
    return true;
}

// A key's refusals are counted by one division of time.
bool agree_on_time(ngx_conf_t* cf, const std::vector<BanLimit>& bans) {
    for (const BanLimit& ban : bans) {
        std::int64_t& within = ban.zone->ban_within;
        if (within != 0 && within != ban.rule.within) {
            ngx::log_conf_error(
                cf, ban.place,
                "\"after\" of zone \"" + ban.name + "\" has another time than elsewhere");
            return false;
        }
        within = ban.rule.within;
    }
    return true;
}

}  // namespace

ngx::ConfResult finish(ngx_conf_t* cf, MainConf& conf) {
    for (const auto& [variable, cause] : kSiblings) {
        const ngx_int_t index = ngx::index_if_provided(cf, variable);
        if (index != NGX_ERROR) {
            conf.siblings.push_back({index, base::refusal_word(variable), cause});
        }
    }
    return ngx::kConfOk;
}

ngx::ConfResult merge_srv(ngx_conf_t* cf, const SrvConf& parent, SrvConf& conf) {
    ngx::inherit(conf.accept, parent.accept);
    ngx::inherit(conf.lists, parent.lists);
    if (!bind_all(cf, conf.accept) || !bind_all(cf, conf.lists)) {
        return ngx::kConfError;
    }
    for (const AcceptLimit& limit : conf.accept) {
        if (limit.zone->kind != base::KeyKind::binary_address) {
            ngx::log_conf_error(cf, limit.place,
                                "\"connection_limit_accept\" needs a zone with the key "
                                "\"$binary_remote_addr\", \"" +
                                    limit.name + "\" is not");
            return ngx::kConfError;
        }
    }
    return ngx::kConfOk;
}

ngx::ConfResult merge(ngx_conf_t* cf, const LocConf& parent, LocConf& conf) {
    Declared& declared = conf.declared;
    if (!declared.limits.empty()) {
        ngx::warn_of_return(cf, "connection_limit", declared.limits.front().place);
    } else if (!declared.bans.empty()) {
        ngx::warn_of_return(cf, "connection_limit_ban", declared.bans.front().place);
    }
    const auto each = [&](auto... members) {
        (ngx::inherit(declared.*members, parent.declared.*members), ...);
    };
    each(&Declared::limits, &Declared::bans, &Declared::bypass, &Declared::dry_run,
         &Declared::status, &Declared::log_level, &Declared::retry_after);
    if (!bind_all(cf, declared.limits) || !bind_all(cf, declared.bans)) {
        return ngx::kConfError;
    }
    if (!agree_on_time(cf, declared.bans)) {
        return ngx::kConfError;
    }
    conf.limits = declared.limits;
    conf.bans = declared.bans;
    conf.bypass = declared.bypass;
    conf.dry_run = declared.dry_run.value_or(conf.dry_run);
    conf.status = declared.status.value_or(conf.status);
    conf.log_level = declared.log_level.value_or(conf.log_level);
    conf.retry_after = declared.retry_after.value_or(conf.retry_after);
    return ngx::kConfOk;
}

}  // namespace gatehouse::connection_limit
