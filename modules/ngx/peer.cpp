#include "ngx/peer.hpp"

#include <utility>

#include "ngx/str.hpp"

namespace gatehouse::ngx {
namespace {

// SO_ERROR tells how a connect() in progress has ended (ngx_http_upstream_test_connect()).
ngx_err_t connect_error(ngx_socket_t fd) noexcept {
    int error = 0;
    socklen_t size = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1 ? ngx_socket_errno : error;
}

// For the log, which is captured. nginx's type has no const.
void connection_error(ngx_connection_t* c, ngx_err_t error, const char* text) noexcept {
    ngx_connection_error(c, error, const_cast<char*>(text));
}

constexpr std::size_t kNothing = 0;

}  // namespace

Peer::Peer(Owner& owner, ngx_log_t* log) noexcept : owner_(owner), log_(log) {}

bool Peer::connect(const Address& address, const TlsPeer* tls) {
    log_.clear();
    tls_ = tls != nullptr ? std::optional(*tls) : std::nullopt;

    const std::string name = text(address);
    ngx_str_t nginx_name = borrow(name);
    Address copy = address;
    ngx_peer_connection_t pc{};
    pc.sockaddr = &copy.socket.sockaddr;
    pc.socklen = copy.length;
    pc.name = &nginx_name;
    pc.get = ngx_event_get_peer;
    pc.log = log_.get();
    pc.log_error = NGX_ERROR_ERR;
    pc.so_keepalive = address.socket.sockaddr.sa_family == AF_UNIX ? 0 : 1;
    const ngx_int_t rc = ngx_event_connect_peer(&pc);
    if (rc != NGX_OK && rc != NGX_AGAIN) {
        return false;
    }
    c_ = pc.connection;
    c_->data = this;
    c_->read->handler = guard<OnThrow::nothing, on_event>;
    c_->write->handler = guard<OnThrow::nothing, on_event>;
    state_ = State::connecting;
    if (rc == NGX_OK) {
        // Sockets of the same machine connect at once; the owner is called from the loop even so.
        ngx_post_event(c_->write, &ngx_posted_events);
    }
    return true;
}

void Peer::close() noexcept {
    if (c_ == nullptr) {
        return;
    }
    ngx_connection_t* c = std::exchange(c_, nullptr);
#if (NGX_SSL)
    if (c->ssl != nullptr) {
        // Frees without a word to the peer: waiting until a close_notify may be sent is not worth
        // it, the protocol knows by itself where a reply ends.
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;
        ngx_ssl_shutdown(c);
    }
#endif
    ngx_pool_t* pool = c->pool;
    ngx_close_connection(c);
    if (pool != nullptr) {
        ngx_destroy_pool(pool);
    }
}

void Peer::on_event(ngx_event_t* event) {
    auto* c = static_cast<ngx_connection_t*>(event->data);
    auto& self = *static_cast<Peer*>(c->data);
    if (self.state_ == State::connecting) {
        self.connected();
    } else if (event->write) {
        self.owner_.writable();
    } else {
        self.owner_.readable();
    }
}

void Peer::connected() {
    if (const ngx_err_t error = connect_error(c_->fd); error != 0) {
        connection_error(c_, error, "connect() failed");
        fail();
        return;
    }
    if (ngx_tcp_nodelay(c_) != NGX_OK) {
        fail();
        return;
    }
    if (tls_) {
        if (!start_tls()) {
            fail();
        }
        return;
    }
    state_ = State::open;
    owner_.opened();
}

void Peer::fail() {
    close();
    owner_.unopened();
}

std::optional<std::size_t> Peer::receive(std::span<char> buffer) noexcept {
    const ssize_t n = c_->recv(c_, reinterpret_cast<u_char*>(buffer.data()), buffer.size());
    if (n > 0) {
        return static_cast<std::size_t>(n);
    }
    if (n == NGX_AGAIN) {
        return ngx_handle_read_event(c_->read, 0) == NGX_OK ? std::optional(kNothing)
                                                            : std::nullopt;
    }
    if (n == 0) {
        connection_error(c_, 0, "peer closed connection");
    }
    return std::nullopt;
}

std::optional<std::size_t> Peer::send(std::span<const char> bytes) noexcept {
    std::size_t sent = 0;
    while (sent < bytes.size() && c_->write->ready) {
        // nginx's type has no const.
        auto* rest = reinterpret_cast<u_char*>(const_cast<char*>(bytes.data() + sent));
        const ssize_t n = c_->send(c_, rest, bytes.size() - sent);
        if (n == NGX_ERROR || n == 0) {
            return std::nullopt;
        }
        if (n == NGX_AGAIN) {
            break;
        }
        sent += static_cast<std::size_t>(n);
    }
    // Also takes the event away from methods that would report it for as long as there is room.
    if (ngx_handle_write_event(c_->write, 0) != NGX_OK) {
        return std::nullopt;
    }
    return sent;
}

void Peer::read_later() noexcept { ngx_post_event(c_->read, &ngx_posted_next_events); }

}  // namespace gatehouse::ngx
