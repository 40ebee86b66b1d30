#pragma once

#include <optional>
#include <string>

#include "waf/tool/http_message.hpp"

namespace gatehouse::waf::tool {

// A request and what was answered, where that is known.
struct Exchange {
    Request request;
    std::optional<Response> response;
};

// What is in the file of a request, as it goes over the wire or as "curl -v" prints it, and in that
// of a response, if one is named, which counts instead of what the first one has. Otherwise
// nothing, with file, line and reason in `problem`.
std::optional<Exchange> read_exchange(const std::string& request_file,
                                      const std::string& response_file, std::string& problem);

// An address of IPv4 or IPv6, for --client.
bool is_address(const std::string& text) noexcept;

inline constexpr const char* kAnyClient = "192.0.2.1";  // RFC 5737

}  // namespace gatehouse::waf::tool
