#include "redis/core/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace gatehouse::redis {
namespace {

constexpr std::size_t kMaxName = 253;  // RFC 1035, 2.3.4, without the root's dot

bool is_ipv6(std::string_view host) noexcept {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (host.size() >= text.size()) {
        return false;
    }
    std::copy(host.begin(), host.end(), text.begin());
    in6_addr address;
    return inet_pton(AF_INET6, text.data(), &address) == 1;
}

bool is_alphanumeric(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

bool valid_host(std::string_view host) noexcept {
    if (host.empty() || host.size() > kMaxName) {
        return false;
    }
    if (host.find(':') != std::string_view::npos) {
        return host.find('\0') == std::string_view::npos && is_ipv6(host);
    }
    return (is_alphanumeric(host.front()) || host.front() == '_') &&
           std::all_of(host.begin(), host.end(), [](char c) {
               return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
           });
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
    std::uint16_t port = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc() || rest != end || text.front() == '0') {
        return std::nullopt;
    }
    return port;
}

}  // namespace gatehouse::redis
