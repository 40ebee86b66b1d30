#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatehouse::waf::tool {

// What a chunked body is made of (RFC 9112 section 7.1), as nginx reads it: extensions and trailers
// are left out, and lines may end in LF, too. Behind the last line nothing follows.
struct Chunked {
    std::string body;
    std::string_view problem;  // empty: all is well
    int line = 0;              // of the problem, counted from the first one of the text
};

Chunked decode_chunks(std::string_view text);

}  // namespace gatehouse::waf::tool
