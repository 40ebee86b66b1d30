#include "waf/tool/message_file.hpp"

#include <arpa/inet.h>

#include <string_view>

#include "waf/tool/capture.hpp"
#include "waf/tool/curl_output.hpp"
#include "waf/tool/file.hpp"

namespace gatehouse::waf::tool {
namespace {

// `before`: how many lines of the file come before the text.
template <class T>
std::optional<T> message_in(const std::string& path, Parsed<T> parsed, int before,
                            std::string& problem) {
    if (!parsed.message) {
        problem =
            path + ':' + std::to_string(parsed.line + before) + ": " + std::string(parsed.problem);
    }
    return std::move(parsed.message);
}

std::optional<Exchange> read_curl_output(const std::string& path, std::string_view text,
                                         bool with_response, std::string& problem) {
    const CurlOutput output = take_curl_output(text);
    auto request = message_in(path, parse_request(output.request), output.request_line, problem);
    if (!request) {
        if (output.request.ends_with("\n\n") && problem.ends_with("its Content-Length")) {
            problem += "; curl does not print it: write it below the request";
        }
        return std::nullopt;
    }
    Exchange exchange{std::move(*request), std::nullopt, {}};
    if (with_response && !output.response.empty()) {
        exchange.response =
            message_in(path, parse_response(output.response), output.response_line, problem);
        if (!exchange.response) {
            return std::nullopt;
        }
    }
    return exchange;
}

std::optional<Exchange> read_capture(const std::string& path, std::string_view text,
                                     bool with_response, std::size_t entry, std::string& problem) {
    Capture capture = take_capture(text, entry);
    Parsed<Request> request = parse_request(capture.request);
    Parsed<Response> response;
    if (with_response && !capture.response.empty()) {
        response = parse_response(capture.response);
    }
    // Lines of what was put together are none of the file's.
    if (capture.problem.empty()) {
        capture.problem = !request.message ? request.problem : response.problem;
    }
    if (!capture.problem.empty()) {
        problem = path + ": " + capture.problem;
        return std::nullopt;
    }
    return Exchange{std::move(*request.message), std::move(response.message),
                    std::move(capture.client)};
}

std::optional<Exchange> read_request(const std::string& path, bool with_response, std::size_t entry,
                                     std::string& problem) {
    const auto text = read_file(path, kMaxMessage, problem);
    if (!text) {
        return std::nullopt;
    }
    if (is_capture(*text)) {
        return read_capture(path, *text, with_response, entry, problem);
    }
    if (entry != 0) {
        problem = path + " is no HAR file, which alone has entries";
        return std::nullopt;
    }
    if (is_curl_output(*text)) {
        return read_curl_output(path, *text, with_response, problem);
    }
    auto request = message_in(path, parse_request(*text), 0, problem);
    return request ? std::optional(Exchange{std::move(*request), std::nullopt, {}}) : std::nullopt;
}

}  // namespace

std::optional<Exchange> read_exchange(const std::string& request_file,
                                      const std::string& response_file, std::size_t entry,
                                      std::string& problem) {
    auto exchange = read_request(request_file, response_file.empty(), entry, problem);
    if (!exchange || response_file.empty()) {
        return exchange;
    }
    const auto text = read_file(response_file, kMaxMessage, problem);
    if (!text) {
        return std::nullopt;
    }
    exchange->response = message_in(response_file, parse_response(*text), 0, problem);
    return exchange->response ? std::move(exchange) : std::nullopt;
}

std::string client_of(const Exchange& exchange, const std::string& chosen) {
    constexpr const char* kAnybody = "192.0.2.1";  // RFC 5737
    return !chosen.empty() ? chosen : is_address(exchange.client) ? exchange.client : kAnybody;
}

bool is_address(const std::string& text) noexcept {
    in6_addr address{};
    return inet_pton(AF_INET, text.c_str(), &address) == 1 ||
           inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

}  // namespace gatehouse::waf::tool
