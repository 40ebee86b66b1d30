#include "ngx/address.hpp"

#include <array>
#include <cstring>

#include "ngx/str.hpp"

namespace gatehouse::ngx {

std::optional<Address> parse_address(std::string_view host, in_port_t port) noexcept {
    Address address;
    const ngx_str_t digits = borrow(host);
    const in_addr_t binary = ngx_inet_addr(digits.data, digits.len);
    if (binary != INADDR_NONE) {
        address.socket.sockaddr_in.sin_family = AF_INET;
        address.socket.sockaddr_in.sin_addr.s_addr = binary;
        address.socket.sockaddr_in.sin_port = htons(port);
        address.length = sizeof(sockaddr_in);
        return address;
    }
#if (NGX_HAVE_INET6)
    auto& sin6 = address.socket.sockaddr_in6;
    if (ngx_inet6_addr(digits.data, digits.len, sin6.sin6_addr.s6_addr) == NGX_OK) {
        sin6.sin6_family = AF_INET6;
        sin6.sin6_port = htons(port);
        address.length = sizeof(sockaddr_in6);
        return address;
    }
#endif
    return std::nullopt;
}

std::optional<Address> unix_address(std::string_view path) noexcept {
    Address address;
    auto& sun = address.socket.sockaddr_un;
    if (path.empty() || path.size() >= sizeof(sun.sun_path)) {
        return std::nullopt;
    }
    sun.sun_family = AF_UNIX;
    std::memcpy(sun.sun_path, path.data(), path.size());
    address.length = sizeof(sockaddr_un);
    return address;
}

Address with_port(const sockaddr* address, socklen_t length, in_port_t port) noexcept {
    Address copy;
    std::memcpy(&copy.socket, address, length);
    copy.length = length;
    ngx_inet_set_port(&copy.socket.sockaddr, port);
    return copy;
}

std::string text(const Address& address) {
    std::array<u_char, NGX_SOCKADDR_STRLEN> buffer;
    Address copy = address;  // nginx's function has no const
    const std::size_t size =
        ngx_sock_ntop(&copy.socket.sockaddr, copy.length, buffer.data(), buffer.size(), 1);
    return {reinterpret_cast<const char*>(buffer.data()), size};
}

}  // namespace gatehouse::ngx
