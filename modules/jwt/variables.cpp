#include <algorithm>

#include "base/status.hpp"
#include "jwt/context.hpp"
#include "jwt/directives.hpp"
#include "jwt/verification.hpp"
#include "ngx/variable.hpp"

namespace gatehouse::jwt {
namespace {

using ngx::VariableValue;

constexpr std::string_view kClaimPrefix = "jwt_claim_";
constexpr std::string_view kHeaderPrefix = "jwt_header_";
constexpr std::string_view kVerifiedClaimPrefix = "jwt_verified_claim_";

std::shared_ptr<Token> token_with_claims(ngx_http_request_t* r) {
    auto token = readable_token(r);
    return token && token->load_claims() == Error::none ? token : nullptr;
}

VariableValue in_pool(ngx_http_request_t* r, std::string_view text) {
    return ngx::view(ngx::copy(r->pool, text));
}

// Anybody can send a token with a line break in a claim: a variable that ends up in a header line
// must not be able to start another one, nor to end before its end where a NUL ends it.
bool fits_in_header(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c == '\t' || !ngx::is_control(c); });
}

VariableValue text_of(ngx_http_request_t* r, const json_t* value) {
    if (value == nullptr) {
        return std::nullopt;
    }
    std::string text;
    append_text(text, value);
    return fits_in_header(text) ? in_pool(r, text) : std::nullopt;
}

VariableValue claim(ngx_http_request_t* r, std::string_view variable) {
    const auto token = token_with_claims(r);
    return token ? text_of(r, member(token->claims(), variable.substr(kClaimPrefix.size())))
                 : std::nullopt;
}

VariableValue verified_claim(ngx_http_request_t* r, std::string_view variable) {
    const auto token = proven_token(r);
    return token ? text_of(r, member(token->claims(), variable.substr(kVerifiedClaimPrefix.size())))
                 : std::nullopt;
}

VariableValue header(ngx_http_request_t* r, std::string_view variable) {
    const auto token = readable_token(r);
    return token ? text_of(r, member(token->header(), variable.substr(kHeaderPrefix.size())))
                 : std::nullopt;
}

VariableValue claim_at(ngx_http_request_t* r, const Path& path) {
    const auto token = token_with_claims(r);
    return token ? text_of(r, path.find(token->claims())) : std::nullopt;
}

VariableValue header_at(ngx_http_request_t* r, const Path& path) {
    const auto token = readable_token(r);
    return token ? text_of(r, path.find(token->header())) : std::nullopt;
}

// As the issuer wrote them, but on one line.
VariableValue claims(ngx_http_request_t* r) {
    const auto token = token_with_claims(r);
    return token ? in_pool(r, compact_json(token->payload())) : std::nullopt;
}

VariableValue now_time(ngx_http_request_t* r) { return in_pool(r, std::to_string(ngx_time())); }

VariableValue verified(ngx_http_request_t* r) {
    return proven_token(r) ? VariableValue("1") : std::nullopt;
}

VariableValue status(ngx_http_request_t* r) {
    const RequestState* state = nearest_decision(r);
    switch (state != nullptr ? state->status : Status::none) {
    case Status::passed:
        return base::kPassed;
    case Status::rejected:
        return base::kRejected;
    case Status::rejected_dry_run:
        return base::kRejectedDryRun;
    case Status::none:
        break;
    }
    return std::nullopt;
}

VariableValue error(ngx_http_request_t* r) {
    const RequestState* state = nearest_decision(r);
    const std::string_view word = word_for(state != nullptr ? state->reason : Error::none);
    return word.empty() ? std::nullopt : VariableValue(word);
}

// These promise more than a path variable keeps.
bool is_reserved(std::string_view variable) noexcept {
    return variable.starts_with("jwt_verified") || variable.starts_with("auth_jwt_");
}

template <VariableValue (*Get)(ngx_http_request_t*, const Path&)>
ngx::ConfResult set_path_variable(ngx::Directive& directive, MainConf& conf) {
    const auto name = directive.variable_name(directive.arg(0));
    if (!name) {
        return ngx::kConfError;
    }
    if (is_reserved(*name)) {
        return directive.error("the name \"" + std::string(directive.arg(0)) + "\" is reserved");
    }
    if (!conf.path_variables.emplace(*name).second) {
        return directive.error("duplicate variable \"" + std::string(directive.arg(0)) + "\"");
    }
    std::vector<std::string> names;
    for (std::size_t i = 1; i < directive.args().size(); ++i) {
        names.emplace_back(directive.arg(i));
    }
    const bool jq = names.size() == 1 && Path::looks_like_jq(names[0]);
    auto path = jq ? Path::parse_jq(names[0]) : Result<Path>(Path::of_names(std::move(names)));
    if (!path) {
        return directive.invalid_value(directive.arg(1), "a path looks like .name[0].\"odd name\"");
    }
    const Path* kept = ngx::make<Path>(directive.cf()->pool, std::move(*path));
    constexpr auto get = ngx::guard<ngx::OnThrow::error, ngx::object_variable<Path, Get>>;
    return ngx::add_variable(directive.cf(), *name, get, NGX_HTTP_VAR_CHANGEABLE, kept)
               ? ngx::kConfOk
               : ngx::kConfError;
}

}  // namespace

ngx::ConfResult set_claim_variable(ngx::Directive& directive, MainConf& conf) {
    return set_path_variable<claim_at>(directive, conf);
}

ngx::ConfResult set_header_variable(ngx::Directive& directive, MainConf& conf) {
    return set_path_variable<header_at>(directive, conf);
}

ngx_int_t add_variables(ngx_conf_t* cf) {
    using ngx::variable;
    using ngx::variables_with_prefix;
    const bool added =
        ngx::add_variable(cf, kClaimPrefix, variables_with_prefix<claim>, NGX_HTTP_VAR_PREFIX) &&
        ngx::add_variable(cf, kHeaderPrefix, variables_with_prefix<header>, NGX_HTTP_VAR_PREFIX) &&
        ngx::add_variable(cf, kVerifiedClaimPrefix, variables_with_prefix<verified_claim>,
                          NGX_HTTP_VAR_PREFIX) &&
        ngx::add_variable(cf, "jwt_claims", variable<claims>) &&
        ngx::add_variable(cf, "jwt_payload", variable<claims>) &&
        ngx::add_variable(cf, "jwt_nowtime", variable<now_time>) &&
        ngx::add_variable(cf, "jwt_verified", variable<verified>) &&
        ngx::add_variable(cf, base::kJwtStatus, variable<status>) &&
        ngx::add_variable(cf, "auth_jwt_error", variable<error>);
    return added ? NGX_OK : NGX_ERROR;
}

}  // namespace gatehouse::jwt
