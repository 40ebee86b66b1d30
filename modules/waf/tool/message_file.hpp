#pragma once

#include <arpa/inet.h>

#include <optional>
#include <string>
#include <string_view>

#include "waf/tool/file.hpp"
#include "waf/tool/http_message.hpp"

namespace gatehouse::waf::tool {

// The message in a file. Otherwise nothing, with file, line and reason in `problem`.
template <class T>
std::optional<T> read_message(const std::string& path, Parsed<T> (*parse)(std::string_view),
                              std::string& problem) {
    const auto text = read_file(path, kMaxMessage, problem);
    if (!text) {
        return std::nullopt;
    }
    Parsed<T> parsed = parse(*text);
    if (!parsed.message) {
        problem = path + ':' + std::to_string(parsed.line) + ": " + std::string(parsed.problem);
    }
    return std::move(parsed.message);
}

// An address of IPv4 or IPv6, for --client.
inline bool is_address(const std::string& text) noexcept {
    in6_addr address{};
    return inet_pton(AF_INET, text.c_str(), &address) == 1 ||
           inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

inline constexpr const char* kAnyClient = "192.0.2.1";  // RFC 5737

}  // namespace gatehouse::waf::tool
