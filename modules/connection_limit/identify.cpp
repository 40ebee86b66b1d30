#include "connection_limit/identify.hpp"

#include "ngx/request.hpp"

namespace gatehouse::connection_limit {
namespace {

// Network order; empty for peers without an address.
std::string_view octets_of(const sockaddr* address) noexcept {
    const auto view = [](const auto& field) {
        return std::string_view(reinterpret_cast<const char*>(&field), sizeof field);
    };
    switch (address->sa_family) {
    case AF_INET:
        return view(reinterpret_cast<const sockaddr_in*>(address)->sin_addr);
#if (NGX_HAVE_INET6)
    case AF_INET6:
        return view(reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
#endif
    default:
        return {};
    }
}

}  // namespace

std::optional<base::Hash128> identify(ngx_http_request_t* r, const Zone& zone) {
    std::array<char, 17> storage;
    const std::string_view id =
        base::identity(zone.kind, ngx::evaluate(r, zone.key), zone.ipv6_prefix, storage);
    return id.empty() ? std::nullopt : std::optional(zone.hash(id));
}

std::optional<base::Hash128> identify(const ngx_connection_t* c, const Zone& zone) noexcept {
    const std::string_view octets = octets_of(c->sockaddr);
    if (octets.empty()) {
        return std::nullopt;
    }
    std::array<char, 17> storage;
    return zone.hash(
        base::identity(base::KeyKind::binary_address, octets, zone.ipv6_prefix, storage));
}

std::optional<Action> listed(const std::vector<List>& lists, const Zone& zone,
                             const sockaddr* address) noexcept {
    const std::string_view octets = octets_of(address);
    for (const List& list : lists) {
        if (list.zone == &zone &&
            list.addresses->contains(
                {reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()})) {
            return list.action;
        }
    }
    return std::nullopt;
}

}  // namespace gatehouse::connection_limit
