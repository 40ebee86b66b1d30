#include "ngx/rewrite.hpp"
#include "rate_limit/directives.hpp"
#include "rate_limit/memory.hpp"
#include "rate_limit/module.hpp"
#include "rate_limit/request_values.hpp"
#include "redis/block.hpp"

namespace gatehouse::rate_limit {
namespace {

const Zone* find_zone(const MainConf& conf, std::string_view name) noexcept {
    for (const Zone& zone : conf.zones) {
        if (zone.name == name) {
            return &zone;
        }
    }
    return nullptr;
}

bool find_backend(ngx_conf_t* cf, const MainConf& conf, Zone& zone) {
    for (std::size_t i = 0; i < conf.backends.size(); ++i) {
        if (conf.backends[i].name == zone.redis_name) {
            zone.backend = &conf.backends[i];
            zone.backend_index = i;
            return true;
        }
    }
    ngx::log_conf_error(cf, zone.place, "unknown redis \"" + zone.redis_name + "\"");
    return false;
}

// What of a limit depends on its zone, which may be defined after it.
bool bind(ngx_conf_t* cf, const MainConf& conf, Limit& limit) {
    limit.zone = find_zone(conf, limit.zone_name);
    if (limit.zone == nullptr) {
        ngx::log_conf_error(cf, limit.place, "unknown zone \"" + limit.zone_name + "\"");
        return false;
    }
    // A rate with variables is seen with each request only.
    if (limit.rate != nullptr && !ngx::has_variables(*limit.rate)) {
        const std::string_view rate = ngx::view(limit.rate->value);
        const auto policy = policy_of(*limit.zone, rate);
        if (!policy) {
            ngx::log_conf_error(cf, limit.place,
                                "invalid rate \"" + std::string(rate) + "\" for zone \"" +
                                    limit.zone_name +
                                    "\": " + std::string(message(policy.error())));
            return false;
        }
        limit.policy = unless_of_zone(*limit.zone, *policy);
        limit.rate = nullptr;
    }
    if (!limit.undelayed) {
        return true;
    }
    const Zone& zone = *limit.zone;
    if (zone.algorithm != Algorithm::gcra || zone.shape.mode != Mode::strict) {
        ngx::log_conf_error(cf, limit.place,
                            "\"delay\" needs a zone of \"algorithm=gcra\" and \"mode=strict\", \"" +
                                limit.zone_name + "\" is not");
        return false;
    }
    // So many requests are another time in each window.
    if (*limit.undelayed > 0 && zone.rates.size() > 1) {
        ngx::log_conf_error(cf, limit.place,
                            "\"delay\" with a number needs a zone with one \"rate\", \"" +
                                limit.zone_name + "\" has several");
        return false;
    }
    return true;
}

}  // namespace

ngx::ConfResult finish(ngx_conf_t* cf, MainConf& conf) {
    for (redis::Options& backend : conf.backends) {
        const ngx::ConfResult result = redis::finish(cf, backend);
        if (result != ngx::kConfOk) {
            return result;
        }
    }
    for (Zone& zone : conf.zones) {
        std::string_view secret;
        if (!zone.redis_name.empty()) {
            if (!find_backend(cf, conf, zone)) {
                return ngx::kConfError;
            }
            secret = zone.backend->identity_secret;
        }
        zone.shape.redis = zone.backend != nullptr;
        zone.shape.local = zone.backend == nullptr || zone.on_error == OnError::local;
        zone.identity_key = identity_key(secret, zone.name, zone.expression);
        zone.memory = ngx::make<Memory>(cf->pool, zone.shape);
        if (!zone.memory->add(cf, zone)) {
            return ngx::kConfError;
        }
    }
    return ngx::kConfOk;
}

ngx::ConfResult merge(ngx_conf_t* cf, const LocConf& parent, LocConf& conf) {
    Declared& declared = conf.declared;
    if (!declared.limits.empty()) {
        ngx::warn_of_return(cf, "rate_limit", declared.limits.front().place);
    }
    const auto each = [&](auto... members) {
        (ngx::inherit(declared.*members, parent.declared.*members), ...);
    };
    each(&Declared::limits, &Declared::bypass, &Declared::dry_run, &Declared::status,
         &Declared::log_level, &Declared::headers, &Declared::retry_after);

    const auto& main = ngx::main_conf<MainConf>(cf, ngx_http_gatehouse_rate_limit_module);
    conf.limits = declared.limits;
    for (Limit& limit : conf.limits) {
        if (!bind(cf, main, limit)) {
            return ngx::kConfError;
        }
    }
    conf.bypass = declared.bypass;
    conf.dry_run = declared.dry_run.value_or(conf.dry_run);
    conf.status = declared.status.value_or(conf.status);
    conf.log_level = declared.log_level.value_or(conf.log_level);
    conf.headers = declared.headers.value_or(conf.headers);
    conf.retry_after = declared.retry_after.value_or(conf.headers != Headers::off);
    return ngx::kConfOk;
}

}  // namespace gatehouse::rate_limit
