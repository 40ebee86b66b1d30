#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::waf::tool {

// Messages from files as HTTP/1 has them (RFC 9112), with lines that end in CRLF or LF. A body
// without a Content-Length is what follows the empty line, without the end of its last line, which
// editors add; the header is added to it. A body longer than its Content-Length is cut, a chunked
// one is decoded. Other transfer codings and folded headers are refused. HTTP/2 is a version, too,
// and pseudo-headers may stand for the request line.

inline constexpr std::size_t kMaxMessage = 64U << 20U;
inline constexpr std::size_t kMaxHeaders = 1000;

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string method, uri;
    std::string version;  // 1.1, 2.0
    Headers headers;
    std::string body;
};

struct Response {
    int status = 0;
    std::string protocol;  // HTTP/1.1
    Headers headers;
    std::string body;
};

// Either a message or the line and the reason.
template <class T>
struct Parsed {
    std::optional<T> message;
    int line = 0;
    std::string_view problem;
};

Parsed<Request> parse_request(std::string_view text);
Parsed<Response> parse_response(std::string_view text);

}  // namespace gatehouse::waf::tool
