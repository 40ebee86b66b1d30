#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "redis/core/address.hpp"
#include "redis/core/reply.hpp"

namespace gatehouse::redis {

enum class SentinelError : std::uint8_t {
    none,
    unknown_master,  // the sentinel does not know a master of that name
    malformed,       // no such reply
};

// Reads the reply of SENTINEL GET-MASTER-ADDR-BY-NAME. Throws std::bad_alloc.
base::Result<Address, SentinelError> parse_master_address(const Reply& reply);

enum class Role : std::uint8_t { master, replica, sentinel };

// Reads the reply of ROLE; nothing if it is not one.
std::optional<Role> parse_role(const Reply& reply) noexcept;

// `master`, `replica`, `sentinel`.
std::string_view name(Role role) noexcept;

}  // namespace gatehouse::redis
