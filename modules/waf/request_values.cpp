#include "waf/request_values.hpp"

#include <array>

#include "ngx/response.hpp"

namespace gatehouse::waf {

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

// Without one of the configuration: unique on this host, and short enough to be read out.
std::string transaction_id(ngx_http_request_t* r, const LocConf& conf) {
    if (conf.transaction_id != nullptr) {
        const std::string_view id = ngx::evaluate(r, conf.transaction_id);
        if (!id.empty()) {
            return std::string(id);
        }
    }
    const std::uint64_t milliseconds =
        static_cast<std::uint64_t>(r->start_sec) * 1000 + static_cast<std::uint64_t>(r->start_msec);
    return std::to_string(milliseconds) + "." + std::to_string(ngx_pid) + "." +
           std::to_string(r->connection->number) + "." + std::to_string(r->connection->requests);
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

std::string media_type(const ngx_http_request_t* r) {
    std::string_view type = ngx::view(r->headers_out.content_type);
    type = type.substr(0, type.find(';'));
    while (!type.empty() && type.back() == ' ') {
        type.remove_suffix(1);
    }
    return ngx::lower(type);
}

void set_location(ngx_http_request_t* r, std::string_view url) {
    ngx_http_clear_location(r);
    r->headers_out.location = ngx::add_response_header(r, "Location", ngx::encoded_url(url));
}

}  // namespace gatehouse::waf
