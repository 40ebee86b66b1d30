#include "jwt/directives.hpp"

namespace gatehouse::jwt {
namespace {

// `$var`, `json=...` or a plain string. False if it cannot be used, which has been logged.
bool read_expected(const ngx::Directive& directive, std::string_view text, RuleText& rule) {
    const bool is_pattern = rule.op.comparison == Comparison::match;  // `$` is the end there
    if (text.starts_with('$')) {
        const auto name = directive.variable_name(text);
        if (!name) {
            return false;
        }
        ngx_str_t copy = ngx::copy(directive.cf()->pool, *name);
        rule.variable = ngx_http_get_variable_index(directive.cf(), &copy);
        return rule.variable != NGX_ERROR;
    }
    if (const auto json = ngx::named_value(text, "json")) {
        auto value = parse_json(*json, JsonLimits{});
        if (!value) {
            directive.invalid_parameter(text, "the value is not JSON");
            return false;
        }
        rule.expected = std::move(*value);
        return true;
    }
    if (text.find('$') != std::string_view::npos && !is_pattern) {
        directive.invalid_parameter(text, "a variable must be the whole value");
        return false;
    }
    rule.expected = Json(json_stringn(text.data(), text.size()));
    if (!rule.expected) {
        directive.invalid_parameter(text, "the value is not UTF-8");
        return false;
    }
    return true;
}

ngx::ConfResult add_rule(ngx::Directive& directive, std::vector<RuleText>& rules) {
    const std::string_view name = directive.arg(0);
    if (name.empty()) {
        return directive.invalid_value(name);
    }
    const auto op = Operator::parse(directive.arg(1));
    if (!op) {
        return directive.invalid_parameter(
            directive.arg(1),
            "an operator is one of eq, ne, gt, ge, lt, le, in, nin, any, "
            "intersect, nintersect, match, with or without \"!\"");
    }
    RuleText rule{.name = std::string(name), .op = *op, .expected = {}, .place = directive.place()};
    if (!read_expected(directive, directive.arg(2), rule)) {
        return ngx::kConfError;
    }
    // What can be wrong with it whatever the nesting is said here, with file and line from nginx.
    auto path = Path::looks_like_jq(name) ? Path::parse_jq(name) : Result<Path>(Path::of_names({}));
    if (!path) {
        return directive.invalid_parameter(name, "a path looks like .name[0].\"odd name\"");
    }
    if (rule.expected) {
        const auto requirement = Requirement::literal(std::move(*path), *op, rule.expected);
        if (!requirement) {
            return directive.invalid_parameter(directive.arg(2), describe(requirement.error()));
        }
    }
    rules.push_back(std::move(rule));
    return ngx::kConfOk;
}

}  // namespace

ngx::ConfResult set_values(ngx::Directive& directive, LocConf& conf) {
    ValueRequirement requirement{{}, NGX_HTTP_UNAUTHORIZED};
    for (const ngx_str_t& arg : directive.args()) {
        const std::string_view text = ngx::view(arg);
        if (const auto error = ngx::named_value(text, "error")) {
            if (*error != "401" && *error != "403") {
                return directive.invalid_parameter(text, "it must be 401 or 403");
            }
            requirement.status = *error == "401" ? NGX_HTTP_UNAUTHORIZED : NGX_HTTP_FORBIDDEN;
            continue;
        }
        auto* value = directive.complex(text);
        if (value == nullptr) {
            return ngx::kConfError;
        }
        if (!ngx::has_variables(*value)) {
            return directive.invalid_parameter(text, "a value without a variable requires nothing");
        }
        requirement.values.push_back(value);
    }
    if (requirement.values.empty()) {
        return directive.error("\"auth_jwt_require\" directive requires at least one value");
    }
    conf.declared.values.push_back(std::move(requirement));
    return ngx::kConfOk;
}

ngx::ConfResult set_claim_rule(ngx::Directive& directive, LocConf& conf) {
    return add_rule(directive, conf.declared.claim_rules);
}

ngx::ConfResult set_header_rule(ngx::Directive& directive, LocConf& conf) {
    return add_rule(directive, conf.declared.header_rules);
}

ngx::ConfResult set_nesting(ngx::Directive& directive, LocConf& conf) {
    if (conf.declared.nesting) {
        return ngx::kDuplicate;
    }
    Nesting nesting;
    for (const ngx_str_t& arg : directive.args()) {
        const std::string_view text = ngx::view(arg);
        const auto delimiter = ngx::named_value(text, "delimiter");
        const auto quote = ngx::named_value(text, "quote");
        if (delimiter && !delimiter->empty()) {
            nesting.delimiter = *delimiter;
        } else if (quote && !quote->empty()) {
            nesting.quote = *quote;
        } else {
            return directive.invalid_parameter(text);
        }
    }
    if (nesting.delimiter == nesting.quote) {
        return directive.error("\"delimiter\" and \"quote\" must differ");
    }
    conf.declared.nesting = std::move(nesting);
    return ngx::kConfOk;
}

}  // namespace gatehouse::jwt
