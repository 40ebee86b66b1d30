#include "jwt/directives.hpp"

namespace gatehouse::jwt {
namespace {

bool holds_variable(std::string_view text) noexcept { return text.find('$') != text.npos; }

// The value of `error=`; nothing if it is another one, which has been logged.
std::optional<ngx_int_t> read_status(const ngx::Directive& directive, std::string_view parameter) {
    const auto error = ngx::named_value(parameter, "error");
    if (error == "401") {
        return NGX_HTTP_UNAUTHORIZED;
    }
    if (error == "403") {
        return NGX_HTTP_FORBIDDEN;
    }
    directive.invalid_parameter(parameter, error ? "it must be 401 or 403" : "");
    return std::nullopt;
}

bool read_json(const ngx::Directive& directive, std::string_view json, RuleText& rule) {
    auto value = parse_json(json, JsonLimits{});
    if (!value) {
        directive.invalid_parameter(directive.arg(2), "the value is not JSON");
        return false;
    }
    rule.expected = std::move(*value);
    return true;
}

bool read_variable(const ngx::Directive& directive, std::string_view text, RuleText& rule) {
    const auto name = directive.variable_name(text);
    if (!name) {
        return false;
    }
    ngx_str_t copy = ngx::copy(directive.cf()->pool, *name);
    rule.variable = ngx_http_get_variable_index(directive.cf(), &copy);
    return rule.variable != NGX_ERROR;
}

bool read_literal(const ngx::Directive& directive, std::string_view text, RuleText& rule) {
    rule.expected = Json(json_stringn(text.data(), text.size()));
    if (!rule.expected) {
        directive.invalid_parameter(text, "the value is not UTF-8");
        return false;
    }
    return true;
}

// `$var`, `json=...`, `string=...` or a plain string. False if it cannot be used, which has been
// logged.
bool read_expected(const ngx::Directive& directive, std::string_view text, RuleText& rule) {
    const bool is_pattern = rule.op.comparison == Comparison::match;  // `$` is the end there
    if (text.starts_with('$')) {
        return read_variable(directive, text, rule);
    }
    if (const auto json = ngx::named_value(text, "json")) {
        return read_json(directive, *json, rule);
    }
    if (const auto string = ngx::named_value(text, "string")) {
        if (is_pattern ? !string->starts_with('$') : !holds_variable(*string)) {
            return read_literal(directive, *string, rule);
        }
        rule.text = directive.complex(*string);
        return rule.text != nullptr;
    }
    if (holds_variable(text) && !is_pattern) {
        directive.invalid_parameter(text,
                                    "a variable must be the whole value, or within \"string=\"");
        return false;
    }
    return read_literal(directive, text, rule);
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
    RuleText rule{.name = std::string(name),
                  .operator_name = std::string(directive.arg(1)),
                  .op = *op,
                  .expected = {},
                  .place = directive.place()};
    if (!read_expected(directive, directive.arg(2), rule)) {
        return ngx::kConfError;
    }
    if (directive.args().size() == 4) {
        const auto status = read_status(directive, directive.arg(3));
        if (!status) {
            return ngx::kConfError;
        }
        rule.status = *status;
    }
    // What can be wrong with it whatever the nesting is said here, with file and line from nginx.
    auto path = Path::looks_like_jq(name) ? Path::parse_jq(name) : Result<Path>(Path::of_names({}));
    if (!path) {
        return directive.invalid_parameter(name, "a path looks like .name[0].\"odd name\"");
    }
    const auto requirement = make_requirement(std::move(*path), rule);
    if (!requirement) {
        return directive.invalid_parameter(directive.arg(2), describe(requirement.error()));
    }
    rules.push_back(std::move(rule));
    return ngx::kConfOk;
}

}  // namespace

Result<Requirement> make_requirement(Path path, const RuleText& rule) {
    if (rule.expected) {
        return Requirement::literal(std::move(path), rule.op, rule.expected);
    }
    return rule.text != nullptr ? Requirement::dynamic_string(std::move(path), rule.op)
                                : Requirement::dynamic(std::move(path), rule.op);
}

ngx::ConfResult set_values(ngx::Directive& directive, LocConf& conf) {
    ValueRequirement requirement{{}, NGX_HTTP_UNAUTHORIZED};
    for (const ngx_str_t& arg : directive.args()) {
        const std::string_view text = ngx::view(arg);
        if (ngx::named_value(text, "error")) {
            const auto status = read_status(directive, text);
            if (!status) {
                return ngx::kConfError;
            }
            requirement.status = *status;
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
