#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "waf/tool/http_message.hpp"

namespace gatehouse::waf::tool {

// A request and what was answered, where that is known.
struct Exchange {
    Request request;
    std::optional<Response> response;
    std::string client;  // empty: unknown
};

// What is in the file of a request, as it goes over the wire, as "curl -v" prints it, or as an
// audit log or a HAR file has it, and in that of a response, if one is named, which counts instead
// of what the first one has. `entry`: which one of a HAR file, from 1 on; 0: the only one.
// Otherwise nothing, with file, line and reason in `problem`.
std::optional<Exchange> read_exchange(const std::string& request_file,
                                      const std::string& response_file, std::size_t entry,
                                      std::string& problem);

// An address of IPv4 or IPv6, for --client.
bool is_address(const std::string& text) noexcept;

// Who sends the request: who was chosen, or else who has sent it, or else anybody.
std::string client_of(const Exchange& exchange, const std::string& chosen);

}  // namespace gatehouse::waf::tool
