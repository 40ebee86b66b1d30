#include "waf/request_values.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "ngx/response.hpp"

namespace gatehouse::waf {

constexpr std::size_t kMaxId = 128;
constexpr std::string_view kBlanks(" \t\r\n\v\f\0", 7);

Enabled enabled_for(ngx_http_request_t* r, const LocConf& conf) {
    if (conf.enabled.variable == nullptr) {
        return conf.enabled.value;
    }
    const std::string_view text = ngx::evaluate(r, conf.enabled.variable);
    if (text == "off" || text == "0" || text.empty()) {
        return Enabled::off;
    }
    return text == "detect" ? Enabled::detect : Enabled::on;
}

bool is_dry_run(ngx_http_request_t* r, const LocConf& conf) {
    return conf.dry_run.variable == nullptr ? conf.dry_run.value
                                            : ngx::evaluate(r, conf.dry_run.variable) == "on";
}

// It becomes a part of file names, log lines and header fields.
bool is_of_id(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

// Without one of the configuration: unique on this host, and short enough to be read out.
std::string transaction_id(ngx_http_request_t* r, const LocConf& conf) {
    if (conf.transaction_id != nullptr) {
        std::string id(ngx::evaluate(r, conf.transaction_id).substr(0, kMaxId));
        std::replace_if(id.begin(), id.end(), std::not_fn(is_of_id), '_');
        if (!id.empty()) {
            return id;
        }
    }
    const std::uint64_t milliseconds =
        static_cast<std::uint64_t>(r->start_sec) * 1000 + static_cast<std::uint64_t>(r->start_msec);
    return std::to_string(milliseconds) + "." + std::to_string(ngx_pid) + "." +
           std::to_string(r->connection->number) + "." + std::to_string(r->connection->requests);
}

// RFC 9110 section 5.6.2
bool is_token(std::string_view text) noexcept {
    constexpr std::string_view kOthers = "\"(),/:;<=>?@[\\]{}";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return c > ' ' && c < 0x7f && kOthers.find(c) == std::string_view::npos;
    });
}

// Of what is none, and of these, clients guess what it is.
bool is_media_type(std::string_view text) noexcept {
    constexpr std::array<std::string_view, 3> kUnknown{"*/*", "unknown/unknown",
                                                       "application/unknown"};
    const std::size_t slash = text.find('/');
    return slash != std::string_view::npos && is_token(text.substr(0, slash)) &&
           is_token(text.substr(slash + 1)) &&
           std::none_of(kUnknown.begin(), kUnknown.end(), [&](std::string_view unknown) {
               return ngx::equal_ignoring_case(text, unknown);
           });
}

Ends ends_of(ngx_connection_t* c) {
    Ends ends;
    ends.client = ngx::view(c->addr_text);
    ends.client_port = ngx_inet_get_port(c->sockaddr);
    std::array<u_char, NGX_SOCKADDR_STRLEN> buffer;
    ngx_str_t text{buffer.size(), buffer.data()};
    if (ngx_connection_local_sockaddr(c, &text, 0) == NGX_OK) {
        ends.server = ngx::view(text);
        ends.server_port = ngx_inet_get_port(c->local_sockaddr);
    }
    return ends;
}

std::string_view version_of(const ngx_http_request_t* r) noexcept {
    switch (r->http_version) {
    case NGX_HTTP_VERSION_9:
        return "0.9";
    case NGX_HTTP_VERSION_10:
        return "1.0";
    case NGX_HTTP_VERSION_20:
        return "2.0";
    case 3000:
        return "3.0";
    default:
        return "1.1";
    }
}

int response_status(const ngx_http_request_t* r) noexcept {
    return static_cast<int>(r->err_status != 0 ? r->err_status : r->headers_out.status);
}

void visit_media_types(ngx_http_request_t* r, void* context,
                       void (*visit)(void* context, std::string_view type)) {
    const auto take = [&](std::string_view text) {
        text = text.substr(0, text.find(';'));
        text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
        text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
        if (is_media_type(text)) {
            visit(context, text);
        }
    };
    ngx::for_each_piece(ngx::view(r->headers_out.content_type), ',', take);
    ngx::for_each_header(r->headers_out.headers, [&](const ngx_table_elt_t& line) {
        if (line.hash != 0 && ngx::is_named(line, "content_type")) {
            ngx::for_each_piece(ngx::view(line.value), ',', take);
        }
    });
}

void set_location(ngx_http_request_t* r, std::string_view url) {
    ngx_http_clear_location(r);
    r->headers_out.location = ngx::add_response_header(r, "Location", ngx::encoded_url(url));
}

}  // namespace gatehouse::waf
