#include "redis/core/sentinel.hpp"

#include <span>
#include <string>

namespace gatehouse::redis {
namespace {

bool has_types(std::span<const Reply> elements, std::span<const Type> types) noexcept {
    if (elements.size() != types.size()) {
        return false;
    }
    for (std::size_t i = 0; i < types.size(); ++i) {
        if (!elements[i].is(types[i])) {
            return false;
        }
    }
    return true;
}

// What follows the role's name: offset and replicas; master's host, port, state and offset; the
// names of the masters.
constexpr Type kMaster[] = {Type::integer, Type::array};
constexpr Type kReplica[] = {Type::string, Type::integer, Type::string, Type::integer};
constexpr Type kSentinel[] = {Type::array};

}  // namespace

base::Result<Address, SentinelError> parse_master_address(const Reply& reply) {
    if (reply.is(Type::nil)) {
        return SentinelError::unknown_master;
    }
    constexpr Type kAddress[] = {Type::string, Type::string};
    if (!reply.is(Type::array) || !has_types(reply.elements, kAddress)) {
        return SentinelError::malformed;
    }
    const std::string_view host = reply.elements[0].text;
    const auto port = parse_port(reply.elements[1].text);
    if (!valid_host(host) || !port) {
        return SentinelError::malformed;
    }
    return Address{std::string(host), *port};
}

std::optional<Role> parse_role(const Reply& reply) noexcept {
    if (!reply.is(Type::array) || reply.elements.empty() ||
        !reply.elements.front().is(Type::string)) {
        return std::nullopt;
    }
    const std::string_view word = reply.elements.front().text;
    const auto rest = reply.elements.subspan(1);
    if (word == "master" && has_types(rest, kMaster)) {
        return Role::master;
    }
    if (word == "slave" && has_types(rest, kReplica)) {
        return Role::replica;
    }
    if (word == "sentinel" && has_types(rest, kSentinel)) {
        return Role::sentinel;
    }
    return std::nullopt;
}

std::string_view name(Role role) noexcept {
    switch (role) {
    case Role::master:
        return "master";
    case Role::replica:
        return "replica";
    case Role::sentinel:
        return "sentinel";
    }
    return "";
}

}  // namespace gatehouse::redis
