#include "connection_limit/directives.hpp"

#include <array>
#include <limits>

#include "connection_limit/module.hpp"
#include "ngx/parameters.hpp"
#include "ngx/request.hpp"

namespace gatehouse::connection_limit {
namespace {

using ngx::Parameter;

constexpr std::array<ngx::Word<By>, 2> kBy{{
    {"connection", By::connection},
    {"request", By::request},
}};

constexpr std::array<ngx::Word<Cause>, 4> kCauses{{
    {"limit", kByLimit},
    {"rate_limit", kByRateLimit},
    {"waf", kByWaf},
    {"jwt", kByJwt},
}};

template <class Named>
bool read_zone(std::string_view value, Named& named) {
    named.name = value;
    return !value.empty();
}

template <class Limiting>
bool read_most(std::string_view value, Limiting& limit) {
    return read_count(value, limit.most);
}

// Microseconds of a time that is not 0.
bool read_time(std::string_view text, std::int64_t& time) noexcept {
    const auto milliseconds = ngx::parse_milliseconds(text);
    if (!milliseconds || *milliseconds == 0 ||
        *milliseconds > std::numeric_limits<std::int64_t>::max() / 1000) {
        return false;
    }
    time = static_cast<std::int64_t>(*milliseconds) * 1000;
    return true;
}

bool read_by(std::string_view value, Limit& limit) {
    const auto by = ngx::find_word(kBy, value);
    limit.by = by.value_or(limit.by);
    return by.has_value();
}

bool read_after(std::string_view value, BanLimit& ban) {
    const std::size_t slash = value.find('/');
    return slash != std::string_view::npos && read_count(value.substr(0, slash), ban.rule.after) &&
           read_time(value.substr(slash + 1), ban.rule.within);
}

bool read_causes(std::string_view value, BanLimit& ban) {
    ban.causes = 0;
    bool known = true;
    ngx::for_each_piece(value, ',', [&](std::string_view piece) {
        const auto cause = ngx::find_word(kCauses, piece);
        known = known && cause.has_value();
        ban.causes = static_cast<std::uint8_t>(ban.causes | cause.value_or(kByLimit));
    });
    return known;
}

constexpr std::array<Parameter<Limit>, 3> kLimitParameters{{
    {"zone", read_zone<Limit>},
    {"max", read_most<Limit>},
    {"by", read_by},
}};

constexpr std::array<Parameter<BanLimit>, 4> kBanParameters{{
    {"zone", read_zone<BanLimit>},
    {"after", read_after},
    {"for",
     [](std::string_view value, BanLimit& ban) { return read_time(value, ban.rule.length); }},
    {"on", read_causes},
}};

constexpr std::array<Parameter<AcceptLimit>, 4> kAcceptParameters{{
    {"zone", read_zone<AcceptLimit>},
    {"max", read_most<AcceptLimit>},
    {"handshake", [](std::string_view value,
                     AcceptLimit& limit) { return read_count(value, limit.handshakes); }},
    {"rate",
     [](std::string_view value, AcceptLimit& limit) {
         return value.ends_with("r/s") && read_count(value.substr(0, value.size() - 3), limit.rate);
     },
     false, "it must be a number of connections per second, as in \"50r/s\""},
}};

// Of connection_limit: parameters of other directives, and habits from limit_req.
constexpr std::array<ngx::Mistake, 6> kLimitMistakes{{
    {"rate",
     "requests per time are limited by \"rate_limit\", new connections by "
     "\"connection_limit_accept\""},
    {"handshake", "it is a parameter of \"connection_limit_accept\""},
    {"burst", "requests per time are limited by \"rate_limit\""},
    {"delay", "what is too much is refused at once"},
    {"nodelay", "what is too much is refused at once"},
    {"status", "it is set by \"connection_limit_status\""},
}};

// Reads all parameters into a T, which names a zone that no earlier directive of the level does.
template <class T, std::size_t N>
ngx::ConfResult read_parameters(const ngx::Directive& directive,
                                const std::array<Parameter<T>, N>& parameters,
                                const std::vector<T>& earlier, T& made,
                                std::span<const ngx::Mistake> mistakes = {}) {
    made.place = directive.place();
    ngx::ParameterReader reader(parameters, mistakes);
    for (const ngx_str_t& arg : directive.args()) {
        const ngx::ConfResult result = reader.read(directive, ngx::view(arg), made);
        if (result != ngx::kConfOk) {
            return result;
        }
    }
    if (made.name.empty()) {
        return directive.missing_parameter("zone");
    }
    for (const T& other : earlier) {
        if (other.name == made.name) {
            return ngx::kDuplicate;
        }
    }
    return ngx::kConfOk;
}

}  // namespace

bool read_count(std::string_view text, std::uint32_t& number) noexcept {
    const auto value = ngx::parse_number(text);
    if (!value || *value == 0 || *value > std::numeric_limits<std::int32_t>::max()) {
        return false;
    }
    number = static_cast<std::uint32_t>(*value);
    return true;
}

ngx::ConfResult set_limit(ngx::Directive& directive, LocConf& conf) {
    // As limit_conn has it.
    if (directive.args().size() == 2 && ngx::parse_number(directive.arg(1)) &&
        directive.arg(0).find('=') == std::string_view::npos) {
        return directive.invalid_parameter(directive.arg(0),
                                           "write \"zone=" + std::string(directive.arg(0)) +
                                               " max=" + std::string(directive.arg(1)) + "\"");
    }
    Limit limit;
    const ngx::ConfResult result =
        read_parameters(directive, kLimitParameters, conf.declared.limits, limit, kLimitMistakes);
    if (result != ngx::kConfOk) {
        return result;
    }
    if (limit.most == 0) {
        return directive.missing_parameter("max");
    }
    conf.declared.limits.push_back(std::move(limit));
    return ngx::kConfOk;
}

ngx::ConfResult set_accept(ngx::Directive& directive, SrvConf& conf) {
    AcceptLimit limit;
    const ngx::ConfResult result =
        read_parameters(directive, kAcceptParameters, conf.accept, limit);
    if (result != ngx::kConfOk) {
        return result;
    }
    if (limit.most == 0) {
        return directive.missing_parameter("max");
    }
    conf.accept.push_back(std::move(limit));
    return ngx::kConfOk;
}

ngx::ConfResult set_ban(ngx::Directive& directive, LocConf& conf) {
    BanLimit ban;
    const ngx::ConfResult result =
        read_parameters(directive, kBanParameters, conf.declared.bans, ban);
    if (result != ngx::kConfOk) {
        return result;
    }
    if (ban.rule.after == 0 || ban.rule.length == 0) {
        return directive.missing_parameter(ban.rule.after == 0 ? "after" : "for");
    }
    conf.declared.bans.push_back(std::move(ban));
    ngx::main_conf<MainConf>(directive.cf(), ngx_http_gatehouse_connection_limit_module).has_bans =
        true;
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

ngx::ConfResult set_retry_after(ngx::Directive& directive, LocConf& conf) {
    return ngx::set_word(directive, ngx::kFlags, conf.declared.retry_after);
}

}  // namespace gatehouse::connection_limit
