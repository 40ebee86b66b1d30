#include "jwt/context.hpp"
#include "ngx/guard.hpp"

namespace gatehouse::jwt {
namespace {

ngx_http_output_header_filter_pt next_header_filter;

// quoted-string (RFC 9110 section 5.6.4). A realm may hold variables, so control characters, which
// could end the line, become blanks.
void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        out += control ? ' ' : c;
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

// `satisfy any`, an error_page with another status and the like may turn a refusal into something
// else; the challenge must not stay on that.
ngx_int_t header_filter(ngx_http_request_t* r) {
    if (r == r->main) {
        RequestState* state = RequestContext::find(r);
        const ngx_uint_t status = r->headers_out.status;
        const bool refusal = status == NGX_HTTP_UNAUTHORIZED || status == NGX_HTTP_FORBIDDEN ||
                             status == NGX_HTTP_BAD_REQUEST;
        if (state != nullptr && !refusal) {
            withdraw_challenge(*state);
        }
    }
    return next_header_filter(r);
}

}  // namespace

void challenge(ngx_http_request_t* r, RequestState& state, const LocConf& conf,
               std::string_view realm, ngx_int_t status, Error reason) {
    if (!conf.challenge.enabled) {
        return;
    }
    const std::string standard = conf.challenge.value == nullptr
                                     ? standard_challenge(realm, status, reason, conf.policy)
                                     : std::string();
    const std::string_view value =
        conf.challenge.value == nullptr ? standard : ngx::evaluate(r, conf.challenge.value);
    if (state.challenge != nullptr) {
        state.challenge->value = ngx::copy(r->pool, value);
        state.challenge->hash = 1;
        return;
    }
    state.challenge = ngx::add_response_header(r, "WWW-Authenticate", value);
#if (nginx_version >= 1023000)
    state.challenge->next = r->headers_out.www_authenticate;
#endif
    r->headers_out.www_authenticate = state.challenge;  // `satisfy any` clears what hangs here
}

void withdraw_challenge(RequestState& state) noexcept {
    if (state.challenge != nullptr) {
        state.challenge->hash = 0;
    }
}

void install_challenge_filter() {
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx::guard<ngx::OnThrow::error, header_filter>;
}

}  // namespace gatehouse::jwt
