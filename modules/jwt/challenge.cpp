#include "jwt/challenge.hpp"

#include "ngx/guard.hpp"
#include "ngx/response.hpp"

namespace gatehouse::jwt {
namespace {

// Our line is known by the address of its name.
constexpr std::string_view kField = "WWW-Authenticate";

ngx_http_output_header_filter_pt next_header_filter;

// quoted-string (RFC 9110 section 5.6.4)
void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    out += '"';
}

std::string_view error_code(ngx_int_t status, Error reason) noexcept {
    if (status == NGX_HTTP_FORBIDDEN) {
        return "insufficient_scope";
    }
    if (status == NGX_HTTP_BAD_REQUEST) {
        return "invalid_request";
    }
    // RFC 6750 section 3.1: no code for a request that had no credentials at all.
    return reason == Error::token_missing ? "" : "invalid_token";
}

// RFC 6750 section 3.
std::string standard_challenge(std::string_view realm, ngx_int_t status, Error reason,
                               const Policy& policy) {
    std::string value = "Bearer realm=";
    append_quoted(value, realm);
    const std::string_view code = error_code(status, reason);
    if (!code.empty()) {
        value.append(", error=\"").append(code).append("\"");
    }
    if (reason == Error::insufficient_scope) {
        std::string scopes;
        for (const std::string& scope : policy.scopes) {
            scopes.append(scopes.empty() ? "" : " ").append(scope);
        }
        value += ", scope=";
        append_quoted(value, scopes);
    }
    return value;
}

std::string challenge_value(ngx_http_request_t* r, const LocConf& conf, std::string_view realm,
                            ngx_int_t status, Error reason) {
    if (conf.challenge.value == nullptr) {
        return standard_challenge(realm, status, reason, conf.policy);
    }
    return std::string(ngx::evaluate(r, conf.challenge.value));
}

// `satisfy any`, an error_page with another status and the like may turn a refusal into something
// else; the challenge must not stay on that.
ngx_int_t header_filter(ngx_http_request_t* r) {
    const RequestState* state = RequestContext::find(r);
    if (state != nullptr && state->refused_with != 0 &&
        state->refused_with != r->headers_out.status) {
        withdraw_challenge(r);
    }
    return next_header_filter(r);
}

}  // namespace

void challenge(ngx_http_request_t* r, const LocConf& conf, std::string_view realm, ngx_int_t status,
               Error reason) {
    if (!conf.challenge.enabled) {
        return;
    }
    const std::string value = challenge_value(r, conf, realm, status, reason);
    if (value.empty()) {
        return;
    }
    if (ngx_table_elt_t* line = ngx::find_response_header(r, kField)) {
        ngx::set_response_header(r, *line, value);
        return;
    }
    ngx_table_elt_t* line = ngx::add_response_header(r, kField, value);
#if (nginx_version >= 1023000)
    line->next = r->headers_out.www_authenticate;
#endif
    r->headers_out.www_authenticate = line;  // `satisfy any` clears what hangs here
}

void withdraw_challenge(ngx_http_request_t* r) noexcept {
    if (ngx_table_elt_t* line = ngx::find_response_header(r, kField)) {
        line->hash = 0;
    }
}

void install_challenge_filter() {
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx::guard<ngx::OnThrow::error, header_filter>;
}

}  // namespace gatehouse::jwt
