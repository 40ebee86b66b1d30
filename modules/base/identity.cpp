#include "base/identity.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace gatehouse::base {
namespace {

using namespace std::string_view_literals;

// What addresses begin with, so that no text is ever taken for one, nor one kind for the other.
constexpr char kIpv4 = 4;
constexpr char kIpv6 = 6;
constexpr std::size_t kIpv4Octets = 4;
constexpr std::size_t kIpv6Octets = 16;

constexpr std::string_view kMapped = "\0\0\0\0\0\0\0\0\0\0\xff\xff"sv;  // RFC 4291 section 2.5.5.2

std::string_view ipv4(std::string_view octets, std::array<char, 17>& storage) noexcept {
    storage[0] = kIpv4;
    std::copy(octets.begin(), octets.end(), storage.begin() + 1);
    return {storage.data(), 1 + kIpv4Octets};
}

std::string_view ipv6(std::string_view octets, unsigned prefix,
                      std::array<char, 17>& storage) noexcept {
    if (octets.starts_with(kMapped)) {
        return ipv4(octets.substr(kMapped.size()), storage);
    }
    storage[0] = kIpv6;
    for (std::size_t i = 0; i < kIpv6Octets; ++i) {
        const auto bits = std::clamp<int>(
            static_cast<int>(std::min(prefix, 128U)) - static_cast<int>(8 * i), 0, 8);
        const auto mask = static_cast<unsigned char>(0xff00U >> bits);
        storage[1 + i] = static_cast<char>(static_cast<unsigned char>(octets[i]) & mask);
    }
    return {storage.data(), storage.size()};
}

// Octets of an address in text; empty if it is none.
std::string_view parse(std::string_view text, std::array<char, kIpv6Octets>& octets) noexcept {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() >= terminated.size() || text.find('\0') != text.npos) {
        return {};
    }
    std::copy(text.begin(), text.end(), terminated.begin());
    if (inet_pton(AF_INET, terminated.data(), octets.data()) == 1) {
        return {octets.data(), kIpv4Octets};
    }
    if (inet_pton(AF_INET6, terminated.data(), octets.data()) == 1) {
        return {octets.data(), kIpv6Octets};
    }
    return {};
}

// The variables whose value is an address in text, and a client's.
constexpr std::array<std::string_view, 3> kAddresses{"remote_addr", "realip_remote_addr",
                                                     "proxy_protocol_addr"};

// Whether the expression is that variable and nothing else.
bool is_variable(std::string_view expression, std::string_view name) noexcept {
    if (!expression.starts_with('$')) {
        return false;
    }
    expression.remove_prefix(1);
    if (expression.starts_with('{') && expression.ends_with('}')) {
        expression = expression.substr(1, expression.size() - 2);
    }
    return std::ranges::equal(expression, name, [](char written, char lower) {
        return written == lower ||
               (written >= 'A' && written <= 'Z' && written - 'A' + 'a' == lower);
    });
}

}  // namespace

KeyKind key_kind(std::string_view expression) noexcept {
    if (is_variable(expression, "binary_remote_addr")) {
        return KeyKind::binary_address;
    }
    const bool is_address = std::ranges::any_of(
        kAddresses, [&](std::string_view name) { return is_variable(expression, name); });
    return is_address ? KeyKind::address : KeyKind::text;
}

bool is_connection_address(std::string_view expression) noexcept {
    return is_variable(expression, "binary_remote_addr") || is_variable(expression, "remote_addr");
}

std::string_view identity(KeyKind kind, std::string_view value, unsigned ipv6_prefix,
                          std::array<char, 17>& storage) noexcept {
    std::array<char, kIpv6Octets> parsed;
    std::string_view octets;
    // nginx gives out "unix:" for peers without an address, in $binary_remote_addr, too.
    if (kind != KeyKind::text && !value.starts_with("unix:")) {
        octets = kind == KeyKind::address ? parse(value, parsed) : value;
    }
    switch (octets.size()) {
    case kIpv4Octets:
        return ipv4(octets, storage);
    case kIpv6Octets:
        return ipv6(octets, ipv6_prefix, storage);
    default:
        return value;
    }
}

std::string address_text(std::string_view identity, unsigned ipv6_prefix) {
    const bool is_ipv4 = identity.size() == 1 + kIpv4Octets;
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    inet_ntop(is_ipv4 ? AF_INET : AF_INET6, identity.data() + 1, buffer.data(), buffer.size());
    std::string shown = buffer.data();
    return is_ipv4 || ipv6_prefix >= 128 ? shown : shown + "/" + std::to_string(ipv6_prefix);
}

}  // namespace gatehouse::base
