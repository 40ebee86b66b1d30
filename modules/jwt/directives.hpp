#pragma once

#include "jwt/conf.hpp"

namespace gatehouse::jwt {

// The setters of the command table, by the file they are in. Each reads one directive and stores
// what it says in conf.declared.

// variables.cpp; add_variables() adds the built-in ones
ngx_int_t add_variables(ngx_conf_t* cf);
ngx::ConfResult set_claim_variable(ngx::Directive& directive, MainConf& conf);
ngx::ConfResult set_header_variable(ngx::Directive& directive, MainConf& conf);

// directives_keys.cpp
ngx::ConfResult set_key_file(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_key_request(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_secret_file(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_secret_env(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_revoked_subjects(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_revoked_kids(ngx::Directive& directive, LocConf& conf);

// directives_rules.cpp
ngx::ConfResult set_values(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_claim_rule(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_header_rule(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_nesting(ngx::Directive& directive, LocConf& conf);

// directives.cpp
ngx::ConfResult set_authentication(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_type(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_phase(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_algorithms(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_challenge(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_limits(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_log_level(ngx::Directive& directive, LocConf& conf);

// Setters for the plain values, told apart by the member they set.
template <auto Member>
ngx::ConfResult set_flag(ngx::Directive& directive, LocConf& conf) {
    auto& flag = conf.declared.*Member;
    if (flag) {
        return ngx::kDuplicate;
    }
    if (ngx::equal_ignoring_case(directive.arg(0), "on")) {
        flag = true;
    } else if (ngx::equal_ignoring_case(directive.arg(0), "off")) {
        flag = false;
    } else {
        return directive.invalid_value(directive.arg(0), "it must be \"on\" or \"off\"");
    }
    return ngx::kConfOk;
}

// Nothing passes a limit of 0.
inline std::optional<std::size_t> positive_size(std::string_view text) noexcept {
    const auto size = ngx::parse_size(text);
    return size == std::size_t{0} ? std::nullopt : size;
}

template <auto Member, auto Parse>
ngx::ConfResult set_parsed(ngx::Directive& directive, LocConf& conf) {
    auto& value = conf.declared.*Member;
    if (value) {
        return ngx::kDuplicate;
    }
    value = Parse(directive.arg(0));
    return value ? ngx::kConfOk : directive.invalid_value(directive.arg(0));
}

template <auto Member>
ngx::ConfResult set_strings(ngx::Directive& directive, LocConf& conf) {
    auto& values = conf.declared.*Member;
    if (!values.empty()) {
        return ngx::kDuplicate;
    }
    for (const ngx_str_t& arg : directive.args()) {
        const std::string_view value = ngx::view(arg);
        if (value.empty()) {
            return directive.invalid_value(value);
        }
        if (value.find('$') != std::string_view::npos) {
            return directive.invalid_value(value, "variables are not supported here");
        }
        values.emplace_back(value);
    }
    return ngx::kConfOk;
}

}  // namespace gatehouse::jwt
