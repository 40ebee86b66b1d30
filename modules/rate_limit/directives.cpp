#include "rate_limit/directives.hpp"

#include <array>

#include "ngx/parameters.hpp"

namespace gatehouse::rate_limit {
namespace {

constexpr std::array<ngx::Word<Headers>, 3> kHeaders{{
    {"off", Headers::off},
    {"draft", Headers::draft},
    {"legacy", Headers::legacy},
}};

// Habits from limit_req and limit_conn.
constexpr std::array<ngx::Mistake, 4> kLimitMistakes{{
    {"burst", "it is a parameter of \"rate_limit_zone\", and there one more than in \"limit_req\""},
    {"nodelay", "nothing is delayed without the \"delay\" parameter"},
    {"status", "it is set by \"rate_limit_status\""},
    {"max", "connections are limited by \"connection_limit\""},
}};

// Null: malformed, which has been logged.
ngx_http_complex_value_t* parameter_value(const ngx::Directive& directive, std::string_view text,
                                          std::string_view parameter) {
    if (text.empty()) {
        directive.invalid_parameter(parameter);
        return nullptr;
    }
    return directive.complex(text);
}

// delay[=number]
ngx::ConfResult read_delay(const ngx::Directive& directive, std::string_view parameter,
                           Limit& limit) {
    if (limit.undelayed) {
        return directive.duplicate_parameter("delay");
    }
    limit.undelayed = 0;
    if (const auto delay = ngx::named_value(parameter, "delay")) {
        const auto undelayed = ngx::parse_number(*delay);
        if (!undelayed || *undelayed == 0 || *undelayed > kMaxRequests) {
            return directive.invalid_parameter(parameter);
        }
        limit.undelayed = static_cast<std::uint32_t>(*undelayed);
    }
    return ngx::kConfOk;
}

// One parameter of rate_limit. Rates are looked at when the zone is known.
ngx::ConfResult read_parameter(const ngx::Directive& directive, std::string_view parameter,
                               Limit& limit) {
    if (const auto name = ngx::named_value(parameter, "zone")) {
        if (!limit.zone_name.empty()) {
            return directive.duplicate_parameter("zone");
        }
        limit.zone_name = *name;
        return name->empty() ? directive.invalid_parameter(parameter) : ngx::kConfOk;
    }
    if (const auto rate = ngx::named_value(parameter, "rate")) {
        if (limit.rate != nullptr) {
            return directive.duplicate_parameter("rate");
        }
        limit.rate = parameter_value(directive, *rate, parameter);
        return limit.rate == nullptr ? ngx::kConfError : ngx::kConfOk;
    }
    if (const auto cost = ngx::named_value(parameter, "cost")) {
        if (limit.cost != nullptr) {
            return directive.duplicate_parameter("cost");
        }
        if (cost->find('$') == std::string_view::npos && !ngx::parse_number(*cost)) {
            return directive.invalid_parameter(parameter);
        }
        limit.cost = parameter_value(directive, *cost, parameter);
        return limit.cost == nullptr ? ngx::kConfError : ngx::kConfOk;
    }
    if (parameter == "delay" || ngx::named_value(parameter, "delay")) {
        return read_delay(directive, parameter, limit);
    }
    return directive.invalid_parameter(parameter, ngx::hint_for(kLimitMistakes, parameter));
}

}  // namespace

ngx::ConfResult set_limit(ngx::Directive& directive, LocConf& conf) {
    Limit limit;
    limit.place = directive.place();
    for (const ngx_str_t& arg : directive.args()) {
        const ngx::ConfResult result = read_parameter(directive, ngx::view(arg), limit);
        if (result != ngx::kConfOk) {
            return result;
        }
    }
    if (limit.zone_name.empty()) {
        return directive.missing_parameter("zone");
    }
    for (const Limit& other : conf.declared.limits) {
        if (other.zone_name == limit.zone_name) {
            return ngx::kDuplicate;
        }
    }
    conf.declared.limits.push_back(std::move(limit));
    return ngx::kConfOk;
}

ngx::ConfResult set_bypass(ngx::Directive& directive, LocConf& conf) {
    return ngx::add_bypass(directive, conf.declared.bypass);
}

ngx::ConfResult set_dry_run(ngx::Directive& directive, LocConf& conf) {
    return ngx::set_word(directive, ngx::kFlags, conf.declared.dry_run);
}

ngx::ConfResult set_status(ngx::Directive& directive, LocConf& conf) {
    return ngx::set_refusal_status(directive, conf.declared.status);
}

ngx::ConfResult set_log_level(ngx::Directive& directive, LocConf& conf) {
    return ngx::set_word(directive, ngx::kLogLevels, conf.declared.log_level);
}

ngx::ConfResult set_headers(ngx::Directive& directive, LocConf& conf) {
    return ngx::set_word(directive, kHeaders, conf.declared.headers);
}

ngx::ConfResult set_retry_after(ngx::Directive& directive, LocConf& conf) {
    return ngx::set_word(directive, ngx::kFlags, conf.declared.retry_after);
}

}  // namespace gatehouse::rate_limit
