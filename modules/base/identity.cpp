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

}  // namespace

KeyKind key_kind(std::string_view expression) noexcept {
    if (expression == "$binary_remote_addr" || expression == "${binary_remote_addr}") {
        return KeyKind::binary_address;
    }
    return expression == "$remote_addr" || expression == "${remote_addr}" ? KeyKind::address
                                                                          : KeyKind::text;
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

}  // namespace gatehouse::base
