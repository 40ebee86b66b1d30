#include "connection_limit/directives.hpp"

#include <array>
#include <limits>

#include "ngx/request.hpp"

namespace gatehouse::connection_limit {
namespace {

template <class Value>
struct Word {
    std::string_view text;
    Value value;
};

constexpr std::array<Word<ngx_uint_t>, 4> kLogLevels{{
    {"info", NGX_LOG_INFO},
    {"notice", NGX_LOG_NOTICE},
    {"warn", NGX_LOG_WARN},
    {"error", NGX_LOG_ERR},
}};

constexpr std::array<Word<bool>, 2> kFlags{{{"on", true}, {"off", false}}};

constexpr std::array<Word<Cause>, 4> kCauses{{
    {"limit", kByLimit},
    {"rate_limit", kByRateLimit},
    {"waf", kByWaf},
    {"jwt", kByJwt},
}};

template <class Words>
auto find_word(const Words& words, std::string_view text) {
    std::optional<decltype(words[0].value)> found;
    for (const auto& word : words) {
        if (ngx::equal_ignoring_case(word.text, text)) {
            found = word.value;
        }
    }
    return found;
}

template <class Words, class Value>
ngx::ConfResult set_word(const ngx::Directive& directive, const Words& words,
                         std::optional<Value>& value) {
    if (value) {
        return ngx::kDuplicate;
    }
    value = find_word(words, directive.arg(0));
    return value ? ngx::kConfOk : directive.invalid_value(directive.arg(0));
}

// N of max=N and the like: at least 1.
bool read_number(std::string_view text, std::uint32_t& number) noexcept {
    const auto value = ngx::parse_number(text);
    if (!value || *value == 0 || *value > std::numeric_limits<std::int32_t>::max()) {
        return false;
    }
    number = static_cast<std::uint32_t>(*value);
    return true;
}

bool read_limit(std::string_view parameter, Limit& limit) {
    if (const auto name = ngx::named_value(parameter, "zone")) {
        limit.name = *name;
        return !name->empty();
    }
    if (const auto most = ngx::named_value(parameter, "max")) {
        return read_number(*most, limit.most);
    }
    if (parameter == "by=request") {
        limit.by = By::request;
        return true;
    }
    return parameter == "by=connection";
}

// Microseconds of a time that is not 0.
bool read_time(std::string_view text, std::int64_t& time) noexcept {
    const auto milliseconds = ngx::parse_milliseconds(text);
    if (!milliseconds || *milliseconds == 0) {
        return false;
    }
    time = static_cast<std::int64_t>(*milliseconds) * 1000;
    return true;
}

// after=N/time
bool read_after(std::string_view text, BanRule& rule) noexcept {
    const std::size_t slash = text.find('/');
    return slash != std::string_view::npos && read_number(text.substr(0, slash), rule.after) &&
           read_time(text.substr(slash + 1), rule.within);
}

bool read_causes(std::string_view text, std::uint8_t& causes) {
    causes = 0;
    bool known = true;
    ngx::for_each_piece(text, ',', [&](std::string_view piece) {
        const auto cause = find_word(kCauses, piece);
        known = known && cause.has_value();
        causes = static_cast<std::uint8_t>(causes | cause.value_or(kByLimit));
    });
    return known;
}

bool read_ban(std::string_view parameter, BanLimit& ban) {
    if (const auto name = ngx::named_value(parameter, "zone")) {
        ban.name = *name;
        return !name->empty();
    }
    if (const auto after = ngx::named_value(parameter, "after")) {
        return read_after(*after, ban.rule);
    }
    if (const auto length = ngx::named_value(parameter, "for")) {
        return read_time(*length, ban.rule.length);
    }
    const auto causes = ngx::named_value(parameter, "on");
    return causes && read_causes(*causes, ban.causes);
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

ngx::ConfResult missing(const ngx::Directive& directive, std::string_view parameter) {
    return directive.error("\"" + std::string(directive.name()) + "\" must have \"" +
                           std::string(parameter) + "\" parameter");
}

// Reads all parameters into a T, which names a zone that no earlier directive of the level does.
template <class T, bool (*Read)(std::string_view, T&)>
ngx::ConfResult read_parameters(const ngx::Directive& directive, const std::vector<T>& earlier,
                                T& made) {
    made.place = directive.place();
    for (const ngx_str_t& arg : directive.args()) {
        if (!Read(ngx::view(arg), made)) {
            return directive.invalid_parameter(ngx::view(arg));
        }
    }
    if (made.name.empty()) {
        return missing(directive, "zone");
    }
    for (const T& other : earlier) {
        if (other.name == made.name) {
            return ngx::kDuplicate;
        }
    }
    return ngx::kConfOk;
}

}  // namespace

ngx::ConfResult set_limit(ngx::Directive& directive, LocConf& conf) {
    Limit limit;
    const ngx::ConfResult result =
        read_parameters<Limit, read_limit>(directive, conf.declared.limits, limit);
    if (result != ngx::kConfOk) {
        return result;
    }
    if (limit.most == 0) {
        return missing(directive, "max");
    }
    conf.declared.limits.push_back(std::move(limit));
    return ngx::kConfOk;
}

ngx::ConfResult set_ban(ngx::Directive& directive, LocConf& conf) {
    BanLimit ban;
    const ngx::ConfResult result =
        read_parameters<BanLimit, read_ban>(directive, conf.declared.bans, ban);
    if (result != ngx::kConfOk) {
        return result;
    }
    if (ban.rule.after == 0 || ban.rule.length == 0) {
        return missing(directive, ban.rule.after == 0 ? "after" : "for");
    }
    conf.declared.bans.push_back(std::move(ban));
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
    return set_word(directive, kLogLevels, conf.declared.log_level);
}

}  // namespace gatehouse::connection_limit
