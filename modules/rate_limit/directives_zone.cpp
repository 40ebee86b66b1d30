#include <array>

#include "ngx/zone_parameters.hpp"
#include "rate_limit/core/header_fields.hpp"
#include "rate_limit/directives.hpp"
#include "redis/block.hpp"

namespace gatehouse::rate_limit {
namespace {

constexpr std::size_t kMaxPlaces = 1024;  // optimistic=
constexpr std::size_t kMaxHosts = 10'000;

bool read_rate(std::string_view value, Zone& zone) {
    const auto rate = parse_rate(value);
    if (rate) {
        zone.rates.push_back(*rate);
    }
    return rate.ok();
}

bool read_burst(std::string_view value, Zone& zone) {
    const auto burst = ngx::parse_number(value);
    if (!burst || *burst == 0 || *burst > kMaxRequests) {
        return false;
    }
    zone.burst = static_cast<std::uint32_t>(*burst);
    return true;
}

bool read_algorithm(std::string_view value, Zone& zone) {
    if (value == "sliding_window") {
        zone.algorithm = Algorithm::sliding_window;
        return true;
    }
    return value == "gcra";
}

bool read_redis(std::string_view value, Zone& zone) {
    zone.redis_name = value;
    return !value.empty();
}

bool read_mode(std::string_view value, Zone& zone) {
    if (const auto lease = ngx::named_value(value, "lease")) {
        const auto time = ngx::parse_milliseconds(*lease);
        if (!time || *time == 0 || *time > 60'000) {
            return false;
        }
        zone.shape.mode = Mode::lease;
        zone.shape.lease = static_cast<std::int64_t>(*time) * 1000;
        return true;
    }
    if (const auto places = ngx::named_value(value, "optimistic")) {
        const auto number = ngx::parse_number(*places);
        if (!number || *number == 0 || *number > kMaxPlaces) {
            return false;
        }
        zone.shape.mode = Mode::optimistic;
        zone.shape.unconfirmed = static_cast<std::uint16_t>(*number);
        return true;
    }
    return value == "strict";
}

bool read_on_error(std::string_view value, Zone& zone) {
    if (value == "open") {
        zone.on_error = OnError::open;
        return true;
    }
    if (value == "closed") {
        zone.on_error = OnError::closed;
        return true;
    }
    return value == "local";
}

bool read_hosts(std::string_view value, Zone& zone) {
    const auto hosts = ngx::parse_number(value);
    if (!hosts || *hosts == 0 || *hosts > kMaxHosts) {
        return false;
    }
    zone.shape.hosts = static_cast<std::uint32_t>(*hosts);
    return true;
}

constexpr std::array<ngx::Parameter<Zone>, 8> kParameters{{
    {"rate", read_rate, true,
     "it must be a number of requests per time, as in \"5r/s\" or \"20r/10m\""},
    {"burst", read_burst},
    {"algorithm", read_algorithm},
    {"redis", read_redis},
    {"mode", read_mode},
    {"on_error", read_on_error},
    {"hosts", read_hosts},
    {"ipv6_prefix", ngx::read_ipv6_prefix<Zone>},
}};

// Habits from limit_req_zone and limit_req.
constexpr std::array<ngx::Mistake, 5> kZoneMistakes{{
    {"nodelay", "nothing is delayed unless \"rate_limit\" has the \"delay\" parameter"},
    {"delay", "it is a parameter of \"rate_limit\""},
    {"sync", "nodes count together by the \"redis\" parameter"},
    {"status", "it is set by \"rate_limit_status\""},
    {"max", "connections are limited by \"connection_limit\""},
}};

ngx::ConfResult check_name(const ngx::Directive& directive, const Zone& zone) {
    return valid_name(zone.name)
               ? ngx::kConfOk
               : directive.error("invalid zone name \"" + zone.name +
                                 "\"; it must be short and of printable ASCII characters");
}

// What parameters cannot say together, or must say.
ngx::ConfResult check(const ngx::Directive& directive, const Zone& zone) {
    if (zone.name.empty()) {
        return directive.missing_parameter("zone");
    }
    if (zone.rates.empty()) {
        return directive.missing_parameter("rate");
    }
    if (zone.algorithm == Algorithm::sliding_window && zone.burst != 0) {
        return directive.error("\"burst\" cannot be used with \"algorithm=sliding_window\"");
    }
    if (zone.algorithm == Algorithm::sliding_window && zone.shape.mode != Mode::strict) {
        return directive.error(
            "\"algorithm=sliding_window\" is exact, \"mode\" must be \"strict\" with it");
    }
    if (zone.redis_name.empty() && zone.shape.mode != Mode::strict) {
        return directive.error("\"mode\" other than \"strict\" needs \"redis\" parameter");
    }
    if (zone.redis_name.empty() && (zone.on_error != OnError::local || zone.shape.hosts != 1)) {
        return directive.error("\"on_error\" and \"hosts\" need \"redis\" parameter");
    }
    return ngx::kConfOk;
}

}  // namespace

ngx::ConfResult set_redis(ngx::Directive& directive, MainConf& conf) {
    for (const redis::Options& backend : conf.backends) {
        if (backend.name == directive.arg(0)) {
            return directive.error("duplicate redis \"" + backend.name + "\"");
        }
    }
    redis::Options& backend = conf.backends.emplace_back();
    backend.name = directive.arg(0);
    return redis::read_block(directive, backend);
}

ngx::ConfResult set_zone(ngx::Directive& directive, MainConf& conf) {
    Zone zone;
    zone.place = directive.place();
    zone.expression = directive.arg(0);
    zone.key = directive.complex(directive.arg(0));
    if (zone.key == nullptr) {
        return ngx::kConfError;
    }
    zone.kind = base::key_kind(zone.expression);
    ngx::ConfResult result = ngx::read_zone_parameters(directive, kParameters, kZoneMistakes,
                                                       &Zone::name, check_name, zone);
    if (result == ngx::kConfOk) {
        result = check(directive, zone);
    }
    if (result != ngx::kConfOk) {
        return result;
    }
    const auto policy = Policy::make(zone.algorithm, zone.rates, zone.burst);
    if (!policy) {
        return directive.error(message(policy.error()));
    }
    zone.shape.policy = *policy;
    for (const Zone& other : conf.zones) {
        if (other.name == zone.name) {
            return directive.error("zone \"" + zone.name + "\" is already bound to key \"" +
                                   other.expression + "\"");
        }
    }
    conf.zones.push_back(std::move(zone));
    return ngx::kConfOk;
}

}  // namespace gatehouse::rate_limit
