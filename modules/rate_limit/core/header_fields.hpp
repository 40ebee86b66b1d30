#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "rate_limit/core/policy.hpp"

namespace gatehouse::rate_limit {

inline constexpr std::size_t kFieldSize = 320;

// RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers-11: a list of one item
// (RFC 9651), `"api";q=20;w=600` and `"api";r=13;t=42`. q: the requests of the window (for gcra
// its burst), w: the seconds after which all of them are there again, t: Verdict::reset in seconds,
// rounded up. The name is of printable ASCII characters; `"` and `\` are escaped. Written into
// `buffer`, of which the result is a view; empty if the name is not valid.
std::string_view write_policy(std::span<char, kFieldSize> buffer, std::string_view name,
                              const Window& window, Algorithm algorithm) noexcept;
std::string_view write_limit(std::span<char, kFieldSize> buffer, std::string_view name,
                             const Verdict& verdict) noexcept;

// Whether a field of that name says how many requests are allowed or left: RateLimit and
// RateLimit-Policy, those of earlier drafts (RateLimit-Limit), and X-RateLimit-* of any spelling.
// Case does not count.
bool is_limit_field(std::string_view name) noexcept;

// Whether a zone's name can be written as an RFC 9651 string within kFieldSize.
bool valid_name(std::string_view name) noexcept;

// Microseconds in whole seconds, rounded up.
std::int64_t whole_seconds(std::int64_t microseconds) noexcept;

}  // namespace gatehouse::rate_limit
