#include <array>

#include "waf/request_values.hpp"

namespace gatehouse::waf {
namespace {

using Visit = void (*)(void* context, std::string_view name, std::string_view value);

// nginx writes these from members of the request, and not from the list.
class Made {
  public:
    Made(ngx_http_request_t* r, void* context, Visit visit) noexcept
        : r_(r), core_(core_of(r)), context_(context), visit_(visit) {}

    void server() const {
        if (r_->headers_out.server != nullptr) {
            return;  // in the list
        }
        tell("Server", core_.server_tokens == NGX_HTTP_SERVER_TOKENS_ON ? NGINX_VER : "nginx");
    }
    void date() const {
        if (r_->headers_out.date == nullptr) {
            tell("Date", {reinterpret_cast<const char*>(ngx_cached_http_time.data),
                          ngx_cached_http_time.len});
        }
    }
    void content_length() const {
        if (r_->headers_out.content_length == nullptr && r_->headers_out.content_length_n >= 0) {
            tell("Content-Length", std::to_string(r_->headers_out.content_length_n));
        }
    }
    void content_type() const {
        if (r_->headers_out.content_type.len == 0) {
            return;
        }
        std::string type(ngx::view(r_->headers_out.content_type));
        if (r_->headers_out.content_type_len == r_->headers_out.content_type.len &&
            r_->headers_out.charset.len > 0) {
            type.append("; charset=").append(ngx::view(r_->headers_out.charset));
        }
        tell("Content-Type", type);
    }
    void last_modified() const {
        const ngx_uint_t status = r_->headers_out.status;
        const bool is_said = status == NGX_HTTP_OK || status == NGX_HTTP_PARTIAL_CONTENT ||
                             status == NGX_HTTP_NOT_MODIFIED;
        if (is_said && r_->headers_out.last_modified == nullptr &&
            r_->headers_out.last_modified_time != -1) {
            std::array<u_char, sizeof "Mon, 28 Sep 1970 06:00:00 GMT"> buffer;
            const u_char* end = ngx_http_time(buffer.data(), r_->headers_out.last_modified_time);
            tell("Last-Modified", {reinterpret_cast<const char*>(buffer.data()),
                                   static_cast<std::size_t>(end - buffer.data())});
        }
    }
    void connection() const {
        if (r_->http_version >= NGX_HTTP_VERSION_20) {
            return;
        }
        if (r_->headers_out.status == NGX_HTTP_SWITCHING_PROTOCOLS) {
            tell("Connection", "upgrade");
            return;
        }
        if (r_->keepalive && core_.keepalive_header != 0) {
            tell("Keep-Alive", "timeout=" + std::to_string(core_.keepalive_header));
        }
        tell("Connection", r_->keepalive ? "keep-alive" : "close");
    }
    void transfer_encoding() const {
        if (r_->chunked) {
            tell("Transfer-Encoding", "chunked");
        }
    }
    void vary() const {
#if (NGX_HTTP_GZIP)
        if (r_->gzip_vary && core_.gzip_vary) {
            tell("Vary", "Accept-Encoding");
        }
#endif
    }

  private:
    static const ngx_http_core_loc_conf_t& core_of(const ngx_http_request_t* r) noexcept {
        return ngx::location_conf<ngx_http_core_loc_conf_t>(r, ngx_http_core_module);
    }
    void tell(std::string_view name, std::string_view value) const {
        visit_(context_, name, value);
    }

    ngx_http_request_t* r_;
    const ngx_http_core_loc_conf_t& core_;
    void* context_;
    Visit visit_;
};

}  // namespace

void visit_response_headers(ngx_http_request_t* r, void* context, Visit visit) {
    const Made made(r, context, visit);
    made.server();
    made.date();
    made.content_length();
    made.content_type();
    made.last_modified();
    made.connection();
    made.transfer_encoding();
    made.vary();
    ngx::for_each_header(r->headers_out.headers, [&](const ngx_table_elt_t& line) {
        if (line.hash != 0) {
            visit(context, ngx::view(line.key), ngx::view(line.value));
        }
    });
}

}  // namespace gatehouse::waf
