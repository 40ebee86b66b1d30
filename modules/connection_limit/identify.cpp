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

Identity::Identity(const Zone& zone, base::KeyKind kind, std::string_view value) noexcept {
    const std::string_view id = base::identity(kind, value, zone.ipv6_prefix, storage_);
    key_ = base::siphash128(zone.seed(), id);
    length_ = id.data() == storage_.data() ? id.size() : 0;
}

std::optional<Identity> identify(ngx_http_request_t* r, const Zone& zone) {
    if (zone.of_connection) {
        return identify(r->connection, zone);  // which is where the variable has it from
    }
    const std::string_view value = ngx::evaluate(r, zone.key);
    return value.empty() ? std::nullopt : std::optional(Identity(zone, zone.kind, value));
}

std::optional<Identity> identify(const ngx_connection_t* c, const Zone& zone) noexcept {
    const std::string_view octets = octets_of(c->sockaddr);
    if (octets.empty()) {
        return std::nullopt;
    }
    return Identity(zone, base::KeyKind::binary_address, octets);
}

std::optional<Action> listed(const std::vector<List>& lists, const Zone& zone,
                             const sockaddr* address) noexcept {
    if (lists.empty()) {
        return std::nullopt;
    }
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
