#include "ngx/peer.hpp"
#include "ngx/str.hpp"

namespace gatehouse::ngx {

#if (NGX_SSL)

namespace {

bool is_address(std::string_view name) noexcept { return parse_address(name, 0).has_value(); }

// RFC 6066, section 3: SNI carries host names, not addresses.
bool name_server(ngx_ssl_connection_t* ssl, const std::string& name) {
    return name.empty() || is_address(name) ||
           SSL_set_tlsext_host_name(ssl->connection, name.c_str()) == 1;
}

bool certificate_is_for(ngx_connection_t* c, const std::string& name) {
    if (!is_address(name)) {
        ngx_str_t host = borrow(name);
        return ngx_ssl_check_host(c, &host) == NGX_OK;
    }
    X509* certificate = SSL_get_peer_certificate(c->ssl->connection);
    if (certificate == nullptr) {
        return false;
    }
    const bool matches = X509_check_ip_asc(certificate, name.c_str(), 0) == 1;
    X509_free(certificate);
    return matches;
}

}  // namespace

bool Peer::start_tls() {
    c_->pool = ngx_create_pool(256, log_.get());
    if (c_->pool == nullptr ||
        ngx_ssl_create_connection(tls_->context, c_, NGX_SSL_BUFFER | NGX_SSL_CLIENT) != NGX_OK ||
        !name_server(c_->ssl, std::string(tls_->name))) {
        return false;
    }
    // What could not be written may have moved, and grown, when it is written again.
    SSL_set_mode(c_->ssl->connection,
                 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    state_ = State::handshaking;
    c_->ssl->handler = guard<OnThrow::nothing, on_handshake>;
    if (ngx_ssl_handshake(c_) != NGX_AGAIN) {
        finish_tls();
    }
    return true;
}

void Peer::on_handshake(ngx_connection_t* c) { static_cast<Peer*>(c->data)->finish_tls(); }

void Peer::finish_tls() {
    if (!verify_tls()) {
        fail();
        return;
    }
    c_->read->handler = guard<OnThrow::nothing, on_event>;
    c_->write->handler = guard<OnThrow::nothing, on_event>;
    state_ = State::open;
    owner_.opened();
}

bool Peer::verify_tls() {
    // First, because a certificate that is refused ends the handshake if the context says so.
    const long result = SSL_get_verify_result(c_->ssl->connection);
    if (result != X509_V_OK) {
        ngx_log_error(NGX_LOG_ERR, c_->log, 0, "certificate verify error: (%l:%s)", result,
                      X509_verify_cert_error_string(result));
        return false;
    }
    if (!c_->ssl->handshaked) {
        return false;
    }
    if (!certificate_is_for(c_, std::string(tls_->name))) {
        ngx_log_error(NGX_LOG_ERR, c_->log, 0, "certificate does not match \"%*s\"",
                      tls_->name.size(), tls_->name.data());
        return false;
    }
    return true;
}

#else

bool Peer::start_tls() {
    ngx_log_error(NGX_LOG_ERR, c_->log, 0, "nginx was built without TLS");
    return false;
}

#endif

}  // namespace gatehouse::ngx
