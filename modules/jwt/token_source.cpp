#include "jwt/token_source.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "jwt/conf.hpp"
#include "jwt/module.hpp"
#include "ngx/request.hpp"

namespace gatehouse::jwt {
namespace {

using Kind = TokenSource::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 3> kPrefixes{{
    {"http_", Kind::header},
    {"cookie_", Kind::cookie},
    {"arg_", Kind::argument},
}};

// What is shorter can be no JWS. It is taken from its own place only: a client must not be able to
// make whatever it likes vanish from elsewhere.
constexpr std::size_t kShortestSecret = 16;

// RFC 6750 section 2.1, the scheme without regard to case (RFC 9110 section 11.1). Empty for
// another scheme.
std::string_view bearer_token(std::string_view credentials) noexcept {
    static constexpr std::string_view kScheme = "bearer ";
    if (!ngx::equal_ignoring_case(credentials.substr(0, kScheme.size()), kScheme)) {
        return {};
    }
    credentials.remove_prefix(kScheme.size());
    credentials.remove_prefix(std::min(credentials.find_first_not_of(' '), credentials.size()));
    return credentials;
}

// For `token=$http_authorization` and other headers that carry a scheme; no JWT contains a blank.
std::string_view without_scheme(std::string_view value) noexcept {
    const std::string_view token = bearer_token(value);
    return token.empty() ? value : token;
}

class Collector {
  public:
    void operator()(std::string_view token) noexcept {
        if (token.empty()) {
            return;
        }
        found_.differing = found_.differing || (!found_.text.empty() && found_.text != token);
        found_.text = token;
    }
    const FoundToken& found() const noexcept { return found_; }

  private:
    FoundToken found_;
};

template <class Extract>
void collect_headers(ngx_http_request_t* r, std::string_view name, Collector& collect,
                     Extract extract) {
    ngx::for_each_header(r->headers_in.headers, [&](const ngx_table_elt_t& line) {
        if (ngx::is_named(line, name)) {
            collect(extract(ngx::view(line.value)));
        }
    });
}

}  // namespace

bool parse_token_source(const ngx::Directive& directive, std::string_view variable,
                        TokenSource& source) {
    const auto name = directive.variable_name(variable);
    if (!name) {
        return false;
    }
    ngx_str_t text = ngx::copy(directive.cf()->pool, *name);
    source.index = ngx_http_get_variable_index(directive.cf(), &text);
    if (source.index == NGX_ERROR) {
        return false;
    }
    source.kind = Kind::variable;
    for (const auto& [prefix, kind] : kPrefixes) {
        if (name->size() > prefix.size() &&
            ngx::equal_ignoring_case(name->substr(0, prefix.size()), prefix)) {
            source.kind = kind;
            source.name = ngx::lower(name->substr(prefix.size()));
        }
    }
    return true;
}

FoundToken find_token(ngx_http_request_t* r, const TokenSource& source) {
    Collector collect;
    switch (source.kind) {
    case Kind::bearer:
        collect_headers(r, "authorization", collect, bearer_token);
        break;
    case Kind::header:
        collect_headers(r, source.name, collect, without_scheme);
        break;
    case Kind::cookie:
        ngx::for_each_cookie(r, source.name, std::ref(collect));
        break;
    case Kind::argument:
        ngx::for_each_argument(r, source.name, std::ref(collect));
        break;
    case Kind::variable:
        if (const auto value = ngx::variable_value(r, source.index)) {
            collect(without_scheme(*value));
        }
        break;
    }
    return collect.found();
}

void remove_token(ngx_http_request_t* r, const TokenSource& source, std::string_view token) {
    const auto unwanted = [&](Kind kind) {
        const bool is_source = source.kind == kind;
        return ngx::Unwanted{is_source ? std::string_view(source.name) : "",
                             token.size() >= kShortestSecret ? token : ""};
    };
    ngx::remove_arguments(r, unwanted(Kind::argument));
    ngx::remove_cookies(r, unwanted(Kind::cookie));
    ngx::Unwanted lines = unwanted(Kind::header);
    if (source.kind == Kind::bearer) {
        lines.name = "authorization";
    }
    ngx::remove_headers(r, lines);
    // What was read earlier must not find its way into a proxied header.
    ngx::forget_variables(r, lines.secret);
}

}  // namespace gatehouse::jwt
