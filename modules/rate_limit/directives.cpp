#include "rate_limit/directives.hpp"

#include <array>

namespace gatehouse::rate_limit {
namespace {

template <class Value>
struct Word {
    std::string_view text;
    Value value;
};

constexpr std::array<Word<Headers>, 3> kHeaders{{
    {"off", Headers::off},
    {"draft", Headers::draft},
    {"legacy", Headers::legacy},
}};

constexpr std::array<Word<bool>, 2> kFlags{{{"on", true}, {"off", false}}};

template <class Words, class Value>
ngx::ConfResult set_word(const ngx::Directive& directive, const Words& words,
                         std::optional<Value>& value) {
    if (value) {
        return ngx::kDuplicate;
    }
    for (const auto& word : words) {
        if (ngx::equal_ignoring_case(word.text, directive.arg(0))) {
            value = word.value;
            return ngx::kConfOk;
        }
    }
    return directive.invalid_value(directive.arg(0));
}

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
    return directive.invalid_parameter(parameter);
}

// False if `text` is no address.
bool read_address(const ngx::Directive& directive, std::string_view text, Bypass& bypass) {
    ngx_str_t source = ngx::copy(directive.cf()->pool, text);
    ngx_cidr_t cidr{};
    switch (ngx_ptocidr(&source, &cidr)) {
    case NGX_ERROR:
        return false;
    case NGX_DONE:
        ngx_conf_log_error(NGX_LOG_WARN, directive.cf(), 0,
                           "low address bits of \"%*s\" are meaningless", text.size(), text.data());
    }
    if (bypass.addresses == nullptr) {
        bypass.addresses = ngx_array_create(directive.cf()->pool, 4, sizeof(ngx_cidr_t));
    }
    auto* added = bypass.addresses == nullptr
                      ? nullptr
                      : static_cast<ngx_cidr_t*>(ngx_array_push(bypass.addresses));
    if (added == nullptr) {
        throw std::bad_alloc();
    }
    *added = cidr;
    return true;
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
        return directive.error("\"rate_limit\" must have \"zone\" parameter");
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
    for (const ngx_str_t& arg : directive.args()) {
        const std::string_view text = ngx::view(arg);
        if (read_address(directive, text, conf.declared.bypass)) {
            continue;
        }
        if (text.find('$') == std::string_view::npos) {
            return directive.invalid_value(
                text, "it must be an address, a CIDR, or a string with variables");
        }
        ngx_http_complex_value_t* value = directive.complex(text);
        if (value == nullptr) {
            return ngx::kConfError;
        }
        conf.declared.bypass.values.push_back(value);
    }
    return ngx::kConfOk;
}

ngx::ConfResult set_dry_run(ngx::Directive& directive, LocConf& conf) {
    return set_word(directive, kFlags, conf.declared.dry_run);
}

ngx::ConfResult set_status(ngx::Directive& directive, LocConf& conf) {
    if (conf.declared.status) {
        return ngx::kDuplicate;
    }
    const auto status = ngx::parse_number(directive.arg(0));
    if (!status || *status < 400 || *status > 599) {
        return directive.invalid_value(directive.arg(0), "it must be between 400 and 599");
    }
    conf.declared.status = *status;
    return ngx::kConfOk;
}

ngx::ConfResult set_log_level(ngx::Directive& directive, LocConf& conf) {
    return set_word(directive, ngx::kLogLevels, conf.declared.log_level);
}

ngx::ConfResult set_headers(ngx::Directive& directive, LocConf& conf) {
    return set_word(directive, kHeaders, conf.declared.headers);
}

}  // namespace gatehouse::rate_limit
