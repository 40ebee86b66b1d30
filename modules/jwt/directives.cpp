#include "jwt/directives.hpp"

namespace gatehouse::jwt {
namespace {

bool is_off(std::string_view realm) noexcept { return realm == "off"; }

// One `name=number` or `name=size` of auth_jwt_limits. False if `parameter` is not it or is
// malformed.
bool read_limit(std::string_view parameter, std::string_view name,
                std::optional<std::size_t> (*parse)(std::string_view) noexcept,
                std::size_t& limit) {
    const auto text = ngx::named_value(parameter, name);
    const auto value = text ? parse(*text) : std::nullopt;
    if (!value || *value == 0) {
        return false;
    }
    limit = *value;
    return true;
}

// Beyond this jansson's recursion could reach the end of the stack.
constexpr std::size_t kMaxDepth = 2000;

}  // namespace

ngx::ConfResult set_authentication(ngx::Directive& directive, LocConf& conf) {
    if (conf.declared.authentication) {
        return ngx::kDuplicate;
    }
    Authentication authentication;
    authentication.place = directive.place();
    const bool off = is_off(directive.arg(0));
    authentication.mode = off ? Mode::off : Mode::enforced;
    authentication.realm = directive.complex(directive.arg(0));
    if (authentication.realm == nullptr) {
        return ngx::kConfError;
    }
    if (directive.args().size() == 2) {
        const auto variable = ngx::named_value(directive.arg(1), "token");
        if (!variable) {
            return directive.invalid_parameter(directive.arg(1));
        }
        if (!parse_token_source(directive, *variable, authentication.source)) {
            return ngx::kConfError;
        }
        authentication.mode = off ? Mode::readable : Mode::enforced;
    }
    conf.declared.authentication = std::move(authentication);
    return ngx::kConfOk;
}

ngx::ConfResult set_type(ngx::Directive& directive, LocConf& conf) {
    if (conf.declared.type_is_signed) {
        return ngx::kDuplicate;
    }
    const std::string_view type = directive.arg(0);
    if (type == "encrypted" || type == "nested") {
        return directive.invalid_value(type, "encrypted tokens are not supported by this version");
    }
    if (type != "signed") {
        return directive.invalid_value(type);
    }
    conf.declared.type_is_signed = true;
    return ngx::kConfOk;
}

ngx::ConfResult set_phase(ngx::Directive& directive, LocConf& conf) {
    if (conf.declared.phase) {
        return ngx::kDuplicate;
    }
    if (directive.arg(0) == "preaccess") {
        conf.declared.phase = Phase::preaccess;
    } else if (directive.arg(0) == "access") {
        conf.declared.phase = Phase::access;
    } else {
        return directive.invalid_value(directive.arg(0), "it must be \"preaccess\" or \"access\"");
    }
    return ngx::kConfOk;
}

ngx::ConfResult set_algorithms(ngx::Directive& directive, LocConf& conf) {
    if (conf.declared.algorithms) {
        return ngx::kDuplicate;
    }
    AlgorithmSet set;
    for (const ngx_str_t& arg : directive.args()) {
        const auto algorithm = algorithm_named(ngx::view(arg));
        if (!algorithm) {
            return directive.invalid_value(ngx::view(arg));
        }
        set.insert(*algorithm);
    }
    conf.declared.algorithms = set;
    return ngx::kConfOk;
}

ngx::ConfResult set_challenge(ngx::Directive& directive, LocConf& conf) {
    if (conf.declared.challenge) {
        return ngx::kDuplicate;
    }
    Challenge challenge;
    if (directive.arg(0) == "off") {
        challenge.enabled = false;
    } else if (directive.arg(0) != "on") {
        challenge.value = directive.complex(directive.arg(0));
        if (challenge.value == nullptr) {
            return ngx::kConfError;
        }
    }
    conf.declared.challenge = challenge;
    return ngx::kConfOk;
}

ngx::ConfResult set_limits(ngx::Directive& directive, LocConf& conf) {
    if (conf.declared.limits) {
        return ngx::kDuplicate;
    }
    Limits limits;
    for (const ngx_str_t& arg : directive.args()) {
        const std::string_view text = ngx::view(arg);
        if (!read_limit(text, "json_depth", ngx::parse_number, limits.json_depth) &&
            !read_limit(text, "json_members", ngx::parse_number, limits.json_members) &&
            !read_limit(text, "keys_size", ngx::parse_size, limits.keys.bytes) &&
            !read_limit(text, "keys", ngx::parse_number, limits.keys.keys) &&
            !read_limit(text, "tries", ngx::parse_number, limits.tries)) {
            return directive.invalid_parameter(text);
        }
    }
    if (limits.json_depth > kMaxDepth) {
        return directive.error("\"json_depth\" must not be more than " + std::to_string(kMaxDepth));
    }
    limits.keys.depth = limits.json_depth;
    conf.declared.limits = limits;
    return ngx::kConfOk;
}

ngx::ConfResult set_log_level(ngx::Directive& directive, LocConf& conf) {
    return ngx::set_word(directive, ngx::kLogLevels, conf.declared.log_level);
}

}  // namespace gatehouse::jwt
