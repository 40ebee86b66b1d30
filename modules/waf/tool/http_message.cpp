#include "waf/tool/http_message.hpp"

#include <algorithm>
#include <charconv>

#include "waf/core/seclang.hpp"
#include "waf/tool/chunked.hpp"

namespace gatehouse::waf::tool {

namespace {

struct Failure {
    int line = 0;
    std::string_view problem;
};

// RFC 9110 section 5.6.2
bool is_token(std::string_view text) noexcept {
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kOthers.find(c) != kOthers.npos;
    });
}

std::string_view trim(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t");
    return first == text.npos ? std::string_view()
                              : text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

// HTTP/1.1, and HTTP/2 as others than nginx write it.
bool is_version(std::string_view text) noexcept {
    if (text == "HTTP/2" || text == "HTTP/3") {
        return true;
    }
    return text.size() == 8 && text.starts_with("HTTP/") && text[5] >= '0' && text[5] <= '9' &&
           text[6] == '.' && text[7] >= '0' && text[7] <= '9';
}

// As nginx writes it.
std::string whole_version(std::string_view text) {
    return std::string(text) + (text.find('.') == text.npos ? ".0" : "");
}

template <class Number>
std::optional<Number> number(std::string_view text) noexcept {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good = error == std::errc() && end == text.data() + text.size();
    return good ? std::optional<Number>(value) : std::nullopt;
}

// It would end strings of the library's.
constexpr std::string_view kNul = "a NUL octet stands here";

bool has_nul(std::string_view line) noexcept { return line.find('\0') != line.npos; }

class Reader {
  public:
    explicit Reader(std::string_view text) noexcept : rest_(text) {}

    int line() const noexcept { return line_; }

    // Without its end.
    bool take_line(std::string_view& line) noexcept {
        const std::size_t end = rest_.find('\n');
        if (end == rest_.npos) {
            return false;
        }
        line = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        ++line_;
        return true;
    }

    // Null: all is well.
    std::optional<Failure> headers(Headers& headers) {
        std::string_view line;
        while (take_line(line)) {
            if (line.empty()) {
                return std::nullopt;
            }
            if (has_nul(line)) {
                return Failure{line_, kNul};
            }
            const std::size_t colon = line.find(':', 1);
            const std::string_view name = line.substr(0, std::min(colon, line.size()));
            if (colon == line.npos || !is_token(name.substr(name.starts_with(':') ? 1 : 0))) {
                return Failure{line_, "a header was expected here"};
            }
            if (headers.size() == kMaxHeaders) {
                return Failure{line_, "too many headers"};
            }
            headers.emplace_back(name, trim(line.substr(colon + 1)));
        }
        return Failure{line_ + 1, "an empty line is missing behind the headers"};
    }

    // As many octets as the header says, or else all that follow.
    std::optional<Failure> body(Headers& headers, std::string& body, bool has_length) {
        const std::string* length = nullptr;
        const std::string* coding = nullptr;
        for (const auto& [name, value] : headers) {
            if (seclang::same_name(name, "Transfer-Encoding")) {
                coding = &value;
            } else if (seclang::same_name(name, "Content-Length")) {
                if (length != nullptr && has_length) {
                    return Failure{line_, "there is more than one Content-Length"};
                }
                length = &value;
            }
        }
        if (coding != nullptr) {
            return chunks(*coding, length != nullptr && has_length, body);
        }
        if (length != nullptr && has_length) {
            return counted(*length, body);
        }
        if (rest_.ends_with('\n')) {
            rest_.remove_suffix(rest_.ends_with("\r\n") ? 2 : 1);
        }
        body = rest_;
        if (!body.empty() && length == nullptr) {
            headers.emplace_back("Content-Length", std::to_string(body.size()));
        }
        return std::nullopt;
    }

  private:
    std::optional<Failure> counted(const std::string& length, std::string& body) const {
        const auto size = number<std::size_t>(length);
        if (!size) {
            return Failure{line_, "the Content-Length is no number"};
        }
        if (*size > rest_.size()) {
            return Failure{line_, "the body is shorter than its Content-Length"};
        }
        body = rest_.substr(0, *size);
        return std::nullopt;
    }

    std::optional<Failure> chunks(const std::string& coding, bool has_length,
                                  std::string& body) const {
        if (!seclang::same_name(coding, "chunked")) {
            return Failure{line_, "the only transfer coding is \"chunked\", as with nginx"};
        }
        if (has_length) {
            return Failure{line_, "nginx refuses Content-Length beside Transfer-Encoding"};
        }
        Chunked chunked = decode_chunks(rest_);
        if (!chunked.problem.empty()) {
            return Failure{line_ + chunked.line, chunked.problem};
        }
        body = std::move(chunked.body);
        return std::nullopt;
    }

    std::string_view rest_;
    int line_ = 0;
};

// METHOD SP TARGET SP HTTP/1.1
std::string_view start_line(std::string_view line, Request& request) {
    const std::size_t first = std::min(line.find(' '), line.size());
    const std::size_t last = std::min(line.find_last_of(' '), line.size());
    const std::string_view version = line.substr(std::min(last + 1, line.size()));
    request.method = line.substr(0, first);
    request.uri = first < last ? line.substr(first + 1, last - first - 1) : std::string_view();
    // nginx refuses blanks and control characters in it, too.
    const bool valid =
        !request.uri.empty() && std::all_of(request.uri.begin(), request.uri.end(),
                                            [](unsigned char c) { return c > 0x20 && c != 0x7f; });
    if (!is_token(request.method) || !valid || !is_version(version)) {
        return "a request line was expected here: METHOD TARGET HTTP/1.1";
    }
    request.version = whole_version(version.substr(5));
    return {};
}

// HTTP/1.1 SP STATUS SP REASON
std::string_view start_line(std::string_view line, Response& response) {
    const std::string_view version = line.substr(0, line.find(' '));
    std::string_view code = line.substr(std::min(version.size() + 1, line.size()));
    code = code.substr(0, code.find(' '));
    response.protocol = whole_version(version);
    response.status = number<int>(code).value_or(0);
    if (!is_version(version) || code.size() != 3 || response.status < 100) {
        return "a status line was expected here: HTTP/1.1 200 OK";
    }
    return {};
}

// Pseudo-headers (RFC 9113 section 8.3.1), beside a request line or in its place. Empty: all is
// well.
std::string_view take_pseudo_headers(Request& request) {
    std::string host;
    for (auto at = request.headers.begin(); at != request.headers.end();) {
        const auto& [name, value] = *at;
        std::string* part = name == ":method"      ? &request.method
                            : name == ":path"      ? &request.uri
                            : name == ":authority" ? &host
                                                   : nullptr;
        if (!name.starts_with(':')) {
            ++at;
            continue;
        }
        if (part == nullptr && name != ":scheme") {
            return "of pseudo-headers a request has :method, :scheme, :authority and :path";
        }
        if (part != nullptr && !part->empty() && *part != value) {
            return "a pseudo-header differs from the request line or from another one";
        }
        if (part != nullptr) {
            *part = value;
        }
        at = request.headers.erase(at);
    }
    const bool has_host =
        std::any_of(request.headers.begin(), request.headers.end(),
                    [](const auto& header) { return seclang::same_name(header.first, "Host"); });
    if (!host.empty() && !has_host) {
        request.headers.emplace(request.headers.begin(), "Host", host);
    }
    std::string line = request.method + ' ' + request.uri + " HTTP/" + request.version;
    return start_line(line, request);
}

std::string_view take_pseudo_headers(const Response& response) {
    for (const auto& [name, value] : response.headers) {
        if (name.starts_with(':')) {
            return "a response has a status line in place of pseudo-headers";
        }
    }
    return {};
}

template <class T>
std::string_view first_line(Reader& reader, T& message) {
    std::string_view line;
    if (!reader.take_line(line)) {
        return "a line was expected here";
    }
    return has_nul(line) ? kNul : start_line(line, message);
}

std::string_view assume_http2(Request& request) {
    request.version = "2.0";
    return {};
}

std::string_view assume_http2(Response&) { return {}; }

template <class T>
Parsed<T> parse(std::string_view text) {
    if (text.size() > kMaxMessage) {
        return {std::nullopt, 0, "the message is too large"};
    }
    T message;
    Reader reader(text);
    // Browsers show requests of HTTP/2 without a request line.
    const bool without_line = std::is_same_v<T, Request> && text.starts_with(':');
    if (const std::string_view problem =
            without_line ? assume_http2(message) : first_line(reader, message);
        !problem.empty()) {
        return {std::nullopt, 1, problem};
    }
    auto failure = reader.headers(message.headers);
    if (!failure) {
        if (const std::string_view problem = take_pseudo_headers(message); !problem.empty()) {
            failure = Failure{1, problem};
        }
    }
    if (!failure) {
        // What is known of a response may be a part of its body.
        failure = reader.body(message.headers, message.body, std::is_same_v<T, Request>);
    }
    if (failure) {
        return {std::nullopt, failure->line, failure->problem};
    }
    return {std::move(message), 0, {}};
}

}  // namespace

Parsed<Request> parse_request(std::string_view text) { return parse<Request>(text); }

Parsed<Response> parse_response(std::string_view text) { return parse<Response>(text); }

}  // namespace gatehouse::waf::tool
