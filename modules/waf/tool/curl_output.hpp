#pragma once

#include <string>
#include <string_view>

namespace gatehouse::waf::tool {

// What "curl -v" prints: the request in lines marked with >, the header of the response in lines
// marked with <, its body without a mark, and remarks marked with *, { or }. The body of a request
// is not printed: it may have been written below the request, without a mark. Of several requests,
// behind a redirect for instance, the first one counts; of several responses to it the last one.
struct CurlOutput {
    std::string request;   // as over the wire, with lines that end in LF
    int request_line = 0;  // how many lines come before it
    std::string response;  // empty: none was printed
    int response_line = 0;
};

bool is_curl_output(std::string_view text) noexcept;

CurlOutput take_curl_output(std::string_view text);

}  // namespace gatehouse::waf::tool
