#pragma once

#include <string_view>

namespace gatehouse::base {

// What the modules say of requests in variables, for logs and for each other: who provides a
// variable and who reads it take its name and its words from here, and so they agree.

inline constexpr std::string_view kJwtStatus = "auth_jwt_status";
inline constexpr std::string_view kRateLimitStatus = "rate_limit_status";
inline constexpr std::string_view kConnectionLimitStatus = "connection_limit_status";
inline constexpr std::string_view kWafStatus = "modsecurity_status";

inline constexpr std::string_view kPassed = "PASSED";
inline constexpr std::string_view kBypassed = "BYPASSED";
inline constexpr std::string_view kDelayed = "DELAYED";
inline constexpr std::string_view kDelayedDryRun = "DELAYED_DRY_RUN";
inline constexpr std::string_view kRejected = "REJECTED";
inline constexpr std::string_view kRejectedDryRun = "REJECTED_DRY_RUN";
inline constexpr std::string_view kBanned = "BANNED";
inline constexpr std::string_view kBannedDryRun = "BANNED_DRY_RUN";
inline constexpr std::string_view kDetected = "DETECTED";
inline constexpr std::string_view kBlocked = "BLOCKED";
inline constexpr std::string_view kError = "ERROR";

// The word by which a module says that it has refused what the client sent.
constexpr std::string_view refusal_word(std::string_view variable) noexcept {
    return variable == kWafStatus ? kBlocked : kRejected;
}

}  // namespace gatehouse::base
