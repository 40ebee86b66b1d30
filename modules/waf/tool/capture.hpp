#pragma once

#include <string>
#include <string_view>

namespace gatehouse::waf::tool {

// A request that something else has written down: an entry of libmodsecurity's audit log (Native
// with parts A and B, and C if there is a body; or JSON), or a HAR file (HTTP Archive 1.2), as
// browsers save it.
struct Capture {
    std::string request;   // as over the wire, with lines that end in LF
    std::string response;  // of a HAR file only: audit logs have what was refused; may be empty
    std::string client;    // of an audit log only
    std::string problem;   // empty: all is well
};

bool is_capture(std::string_view text) noexcept;

// `entry`: which one of a HAR file, from 1 on; 0: the only one.
Capture take_capture(std::string_view text, std::size_t entry);

}  // namespace gatehouse::waf::tool
