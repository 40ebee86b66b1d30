#include "redis/block_tls.hpp"

namespace gatehouse::redis {

#if (NGX_SSL)

namespace {

constexpr ngx_uint_t kProtocols = NGX_SSL_TLSv1_2 | NGX_SSL_TLSv1_3;
constexpr ngx_int_t kVerifyDepth = 9;  // as many as OpenSSL's own programs allow

bool trust(ngx_conf_t* cf, ngx_ssl_t* ssl, const std::string& ca) {
    if (ca.empty()) {
        if (SSL_CTX_set_default_verify_paths(ssl->ctx) != 1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "SSL_CTX_set_default_verify_paths() failed");
            return false;
        }
    } else {
        ngx_str_t file = ngx::copy(cf->pool, ca);
        if (ngx_ssl_trusted_certificate(cf, ssl, &file, kVerifyDepth) != NGX_OK) {
            return false;
        }
    }
    // nginx's callback, which the line above may have set, lets every chain pass and leaves it to
    // the caller to ask.
    SSL_CTX_set_verify(ssl->ctx, SSL_VERIFY_PEER, nullptr);
    return true;
}

}  // namespace

ngx_ssl_t* make_tls_context(ngx_conf_t* cf, const TlsFiles& files) {
    auto* ssl = ngx::allocate<ngx_ssl_t>(cf->pool);
    ssl->log = cf->log;
    ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(cf->pool, 0);
    if (cleanup == nullptr) {
        throw std::bad_alloc();
    }
    if (ngx_ssl_create(ssl, kProtocols, nullptr) != NGX_OK) {
        return nullptr;
    }
    cleanup->handler = ngx_ssl_cleanup_ctx;
    cleanup->data = ssl;
    if (!trust(cf, ssl, files.ca)) {
        return nullptr;
    }
    if (!files.certificate.empty()) {
        ngx_str_t certificate = ngx::copy(cf->pool, files.certificate);
        ngx_str_t key = ngx::copy(cf->pool, files.key);
        if (ngx_ssl_certificate(cf, ssl, &certificate, &key, nullptr) != NGX_OK) {
            return nullptr;
        }
    }
    return ssl;
}

#else

ngx_ssl_t* make_tls_context(ngx_conf_t* cf, const TlsFiles&) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"tls\" needs an nginx that is built with SSL");
    return nullptr;
}

#endif

}  // namespace gatehouse::redis
