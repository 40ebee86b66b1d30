#include "waf/directives.hpp"

#include <array>

#include "ngx/parameters.hpp"
#include "ngx/request.hpp"

namespace gatehouse::waf {
namespace {

constexpr std::array<ngx::Word<Enabled>, 3> kEnabled{{
    {"on", Enabled::on},
    {"off", Enabled::off},
    {"detect", Enabled::detect},
}};

constexpr std::array<ngx::Word<Moment>, 2> kMoments{{
    {"early", Moment::early},
    {"late", Moment::late},
}};

constexpr std::array<ngx::Word<OnError>, 2> kOnError{{
    {"deny", OnError::deny},
    {"pass", OnError::pass},
}};

// One of the words, or a string with variables.
template <class Value, std::size_t N>
ngx::ConfResult set_choice(const ngx::Directive& directive,
                           const std::array<ngx::Word<Value>, N>& words,
                           std::optional<Choice<Value>>& choice) {
    if (choice) {
        return ngx::kDuplicate;
    }
    const std::string_view text = directive.arg(0);
    if (text.find('$') != std::string_view::npos) {
        choice = Choice<Value>{{}, directive.complex(text)};
        return choice->variable == nullptr ? ngx::kConfError : ngx::kConfOk;
    }
    std::optional<Value> value;
    const ngx::ConfResult result = ngx::set_word(directive, words, value);
    if (result == ngx::kConfOk) {
        choice = Choice<Value>{*value, nullptr};
    }
    return result;
}

ngx::ConfResult add_source(const ngx::Directive& directive, LocConf& conf, RuleSource source) {
    if (source.value.empty()) {
        return directive.invalid_value("");
    }
    const ngx::ConfPlace place = directive.place();
    if (conf.declared.sources.empty()) {
        conf.place = place;
    }
    source.place = place.file + ":" + std::to_string(place.line);
    conf.declared.sources.push_back(std::move(source));
    return ngx::kConfOk;
}

bool read_most(std::string_view value, BodyAccess& access) {
    access.most = ngx::parse_size(value);
    return access.most.has_value();
}

constexpr std::array<ngx::Parameter<BodyAccess>, 1> kBodyParameters{{{"max", read_most}}};

// What every application calls its secrets; redact= adds to it.
constexpr std::array<std::string_view, 8> kAlwaysRedacted{
    "authorization", "proxy-authorization", "cookie", "password", "passwd", "secret",
    "token",         "access_token"};

bool read_redacted(std::string_view value, EventLog& log) {
    ngx::for_each_piece(value, ',',
                        [&](std::string_view name) { log.redacted.push_back(ngx::lower(name)); });
    return !value.empty();
}

constexpr std::array<ngx::Parameter<EventLog>, 1> kEventParameters{{{"redact", read_redacted}}};

bool read_count(std::optional<std::size_t> number, std::uint64_t& count) {
    count = number.value_or(0);
    return count > 0;
}

bool read_duration(std::string_view value, std::chrono::milliseconds& duration) {
    const auto milliseconds = ngx::parse_milliseconds(value);
    duration = std::chrono::milliseconds(milliseconds.value_or(0));
    return milliseconds.has_value() && duration <= std::chrono::hours(1);
}

template <std::uint64_t Limits::*member>
bool read_number(std::string_view value, Limits& limits) {
    return read_count(ngx::parse_number(value), limits.*member);
}

template <std::uint64_t Limits::*member>
bool read_octets(std::string_view value, Limits& limits) {
    return read_count(ngx::parse_size(value), limits.*member);
}

bool read_time(std::string_view value, Limits& limits) { return read_duration(value, limits.time); }

bool read_time_per_megabyte(std::string_view value, Limits& limits) {
    return read_duration(value, limits.time_per_mebibyte);
}

constexpr std::array<ngx::Parameter<Limits>, 9> kLimitParameters{{
    {"time", read_time},
    {"time_per_megabyte", read_time_per_megabyte},
    {"fields", read_number<&Limits::fields>},
    {"cookies", read_number<&Limits::cookies>},
    {"arguments", read_number<&Limits::arguments>},
    {"parts", read_number<&Limits::parts>},
    {"attributes", read_number<&Limits::attributes>},
    {"entities", read_octets<&Limits::entities>},
    {"json_names", read_octets<&Limits::json_names>},
}};

// on | off, then parameters.
ngx::ConfResult read_body(const ngx::Directive& directive, std::optional<BodyAccess>& access,
                          bool with_types) {
    if (access) {
        return ngx::kDuplicate;
    }
    access.emplace();
    ngx::ParameterReader parameters(kBodyParameters);
    bool first = true;
    for (const ngx_str_t& arg : directive.args()) {
        const std::string_view text = ngx::view(arg);
        const auto flag = first ? ngx::find_word(ngx::kFlags, text) : std::nullopt;
        first = false;
        if (flag) {
            access->allowed = *flag;
        } else if (with_types && text.find('/') != std::string_view::npos) {
            access->types.push_back(ngx::lower(text));
        } else {
            const ngx::ConfResult result = parameters.read(directive, text, *access);
            if (result != ngx::kConfOk) {
                return result;
            }
        }
    }
    return ngx::kConfOk;
}

}  // namespace

ngx::ConfResult set_enabled(ngx::Directive& directive, LocConf& conf) {
    return set_choice(directive, kEnabled, conf.declared.enabled);
}

ngx::ConfResult set_rules(ngx::Directive& directive, LocConf& conf) {
    return add_source(directive, conf,
                      {RuleSource::Kind::text, std::string(directive.arg(0)), {}, {}});
}

ngx::ConfResult set_rules_file(ngx::Directive& directive, LocConf& conf) {
    if (directive.arg(0).empty()) {
        return directive.invalid_value("");
    }
    return add_source(
        directive, conf,
        {RuleSource::Kind::file, ngx::full_name(directive.cf(), directive.arg(0)), {}, {}});
}

ngx::ConfResult set_rules_remote(ngx::Directive& directive, LocConf& conf) {
    return add_source(directive, conf,
                      {RuleSource::Kind::remote,
                       std::string(directive.arg(1)),
                       std::string(directive.arg(0)),
                       {}});
}

ngx::ConfResult set_transaction_id(ngx::Directive& directive, LocConf& conf) {
    if (conf.declared.transaction_id != nullptr) {
        return ngx::kDuplicate;
    }
    conf.declared.transaction_id = directive.complex(directive.arg(0));
    return conf.declared.transaction_id == nullptr ? ngx::kConfError : ngx::kConfOk;
}

ngx::ConfResult set_error_log(ngx::Directive& directive, LocConf& conf) {
    return ngx::set_word(directive, ngx::kFlags, conf.declared.error_log);
}

ngx::ConfResult set_moment(ngx::Directive& directive, LocConf& conf) {
    return ngx::set_word(directive, kMoments, conf.declared.moment);
}

ngx::ConfResult set_dry_run(ngx::Directive& directive, LocConf& conf) {
    return set_choice(directive, ngx::kFlags, conf.declared.dry_run);
}

ngx::ConfResult set_bypass(ngx::Directive& directive, LocConf& conf) {
    return ngx::add_bypass(directive, conf.declared.bypass);
}

ngx::ConfResult set_on_error(ngx::Directive& directive, LocConf& conf) {
    return ngx::set_word(directive, kOnError, conf.declared.on_error);
}

ngx::ConfResult set_status(ngx::Directive& directive, LocConf& conf) {
    return ngx::set_refusal_status(directive, conf.declared.status);
}

ngx::ConfResult set_request_body(ngx::Directive& directive, LocConf& conf) {
    return read_body(directive, conf.declared.request_body, false);
}

ngx::ConfResult set_response_body(ngx::Directive& directive, LocConf& conf) {
    return read_body(directive, conf.declared.response_body, true);
}

ngx::ConfResult set_response_buffer(ngx::Directive& directive, LocConf& conf) {
    if (conf.declared.response_buffer) {
        return ngx::kDuplicate;
    }
    std::optional<BodyAccess> access;
    const ngx::ConfResult result = read_body(directive, access, false);
    if (result == ngx::kConfOk) {
        ResponseBuffer& buffer = conf.declared.response_buffer.emplace();
        buffer.on = access->allowed;
        buffer.most = access->most.value_or(buffer.most);
    }
    return result;
}

ngx::ConfResult set_limits(ngx::Directive& directive, LocConf& conf) {
    if (conf.declared.limits) {
        return ngx::kDuplicate;
    }
    Limits& limits = conf.declared.limits.emplace();
    ngx::ParameterReader parameters(kLimitParameters);
    for (const ngx_str_t& arg : directive.args()) {
        const ngx::ConfResult result = parameters.read(directive, ngx::view(arg), limits);
        if (result != ngx::kConfOk) {
            return result;
        }
    }
    return ngx::kConfOk;
}

ngx::ConfResult set_event_log(ngx::Directive& directive, LocConf& conf) {
    if (conf.declared.event_log) {
        return ngx::kDuplicate;
    }
    EventLog& log = conf.declared.event_log.emplace();
    if (directive.arg(0) == "off") {
        return directive.args().size() == 1 ? ngx::kConfOk
                                            : directive.invalid_parameter(directive.arg(1));
    }
    log.redacted = {kAlwaysRedacted.begin(), kAlwaysRedacted.end()};
    ngx::ParameterReader parameters(kEventParameters);
    for (const ngx_str_t& arg : directive.args().subspan(1)) {
        const ngx::ConfResult result = parameters.read(directive, ngx::view(arg), log);
        if (result != ngx::kConfOk) {
            return result;
        }
    }
    return ngx::open_line_log(directive, log.target);
}

}  // namespace gatehouse::waf
