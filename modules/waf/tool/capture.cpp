#include "waf/tool/capture.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/base64.hpp"
#include "waf/core/json.hpp"
#include "waf/core/seclang.hpp"
#include "waf/tool/text.hpp"

namespace gatehouse::waf::tool {
namespace {

using seclang::same_name;

std::string_view at(const json_t* object, const char* name) {
    return text_of(json_object_get(object, name));
}

// A message over the wire. What could be taken for two lines is a problem.
class Wire {
  public:
    explicit Wire(std::string_view start_line) { add_line(start_line); }

    void field(std::string_view name, std::string_view value) {
        has_length_ = has_length_ || same_name(name, "Content-Length");
        add_line(std::string(name).append(": ").append(value));
    }

    // The length is said in any case: otherwise the end of the last line is the editor's.
    std::string end(std::string_view body) {
        if (!has_length_ && !body.empty()) {
            field("Content-Length", std::to_string(body.size()));
        }
        return broken_ ? std::string() : text_.append("\n").append(body);
    }

  private:
    void add_line(std::string_view line) {
        broken_ = broken_ || line.find_first_of("\r\n") != line.npos;
        text_.append(line).append("\n");
    }

    std::string text_;
    bool has_length_ = false;
    bool broken_ = false;
};

// The library writes the body without its coding.
bool is_coding(std::string_view name) noexcept { return same_name(name, "Transfer-Encoding"); }

// --BOUNDARY-A--
std::string_view boundary_of(std::string_view line) noexcept {
    constexpr std::string_view kEnd = "-A--";
    return line.size() > kEnd.size() + 2 && line.starts_with("--") && line.ends_with(kEnd)
               ? line.substr(0, line.size() - kEnd.size())
               : std::string_view();
}

// [day/month/year:time zone] ID CLIENT PORT SERVER PORT
std::string client_in(std::string_view line) {
    line.remove_prefix(std::min(line.find("] "), line.size()));
    for (int words = 0; words < 2; ++words) {
        line.remove_prefix(std::min(line.find(' '), line.size()));
        line.remove_prefix(line.empty() ? 0 : 1);
    }
    return std::string(line.substr(0, line.find(' ')));
}

class NativeEntry {
  public:
    explicit NativeEntry(std::string_view text) : text_(text) {}

    Capture take() {
        Capture capture;
        std::string_view rest = text_;
        std::string_view line = take_line(rest);
        boundary_ = boundary_of(line);
        capture.client = client_in(take_line(rest));
        std::string_view header = part('B'), body = part('C');
        if (header.empty()) {
            capture.problem = "the entry has no request: SecAuditLogParts must have B";
            return capture;
        }
        Wire wire(take_line(header));
        while (!(line = take_line(header)).empty()) {
            const std::size_t colon = std::min(line.find(':'), line.size());
            if (!is_coding(line.substr(0, colon))) {
                wire.field(line.substr(0, colon), line.substr(std::min(colon + 1, line.size())));
            }
        }
        capture.request = wire.end(body);
        return capture;
    }

  private:
    // Without the empty line at its end.
    std::string_view part(char letter) const {
        const std::string open = '\n' + std::string(boundary_) + '-' + letter + "--\n";
        const std::size_t begin = text_.find(open);
        if (begin == text_.npos) {
            return {};
        }
        const std::string_view text = text_.substr(begin + open.size());
        const std::size_t end = text.find('\n' + std::string(boundary_) + '-');
        std::string_view found = text.substr(0, end);
        if (letter != 'B' && found.ends_with('\n')) {
            found.remove_suffix(1);
        }
        return found;
    }

    std::string_view text_, boundary_;
};

Capture from_audit(const json_t* transaction) {
    const json_t* request = json_object_get(transaction, "request");
    const json_t* version = json_object_get(request, "http_version");
    char number[8] = "1.1";
    if (json_is_number(version)) {
        std::snprintf(number, sizeof number, "%.1f", json_number_value(version));
    }
    Capture capture;
    capture.client = at(transaction, "client_ip");
    Wire wire(std::string(at(request, "method"))
                  .append(" ")
                  .append(at(request, "uri"))
                  .append(" HTTP/")
                  .append(number));
    const char* name = nullptr;
    json_t* value = nullptr;
    // Iterating takes a non-const object; nothing is changed.
    json_object_foreach(const_cast<json_t*>(json_object_get(request, "headers")), name, value) {
        if (!is_coding(name)) {
            wire.field(name, text_of(value));
        }
    }
    capture.request = wire.end(at(request, "body"));
    return capture;
}

// "h2", "http/2.0" and "HTTP/2" are one.
std::string har_version(std::string_view said) {
    for (const char digit : {'3', '2'}) {
        if (said.find(digit) != said.npos) {
            return std::string("HTTP/") + digit;
        }
    }
    return said.ends_with("1.0") ? "HTTP/1.0" : "HTTP/1.1";
}

// What goes over the wire of "https://host/path?query#fragment".
std::string_view har_target(std::string_view url) noexcept {
    url = url.substr(0, url.find('#'));
    const std::size_t scheme = url.find("://");
    if (scheme == url.npos) {
        return url;
    }
    const std::size_t path = url.find_first_of("/?", scheme + 3);
    return path == url.npos ? std::string_view("/") : url.substr(path);
}

std::string form_encoded(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (std::isalnum(octet) != 0) {
            out += c;
        } else {
            out += '%';
            out += kDigits[octet >> 4U];
            out += kDigits[octet & 15U];
        }
    }
    return out;
}

// Nothing: the file does not have it.
std::optional<std::string> har_body(const json_t* post) {
    const std::string_view text = at(post, "text");
    if (at(post, "encoding") == "base64") {
        return base::decode_base64_any(text);
    }
    const json_t* parameters = json_object_get(post, "params");
    if (!text.empty() || json_array_size(parameters) == 0) {
        return std::string(text);
    }
    if (!at(post, "mimeType").starts_with("application/x-www-form-urlencoded")) {
        return std::nullopt;
    }
    std::string out;
    for (std::size_t i = 0; i < json_array_size(parameters); ++i) {
        const json_t* one = json_array_get(parameters, i);
        out.append(i == 0 ? "" : "&").append(form_encoded(at(one, "name"))).append("=");
        out.append(form_encoded(at(one, "value")));
    }
    return out;
}

// Bodies are there without any coding, and so as long as they are.
void add_har_fields(Wire& wire, const json_t* message) {
    const json_t* headers = json_object_get(message, "headers");
    for (std::size_t i = 0; i < json_array_size(headers); ++i) {
        const json_t* header = json_array_get(headers, i);
        const std::string_view name = at(header, "name");
        if (!is_coding(name) && !same_name(name, "Content-Length") &&
            !same_name(name, "Content-Encoding")) {
            wire.field(name, at(header, "value"));
        }
    }
}

Capture from_har(const json_t* entries, std::size_t entry) {
    const std::size_t count = json_array_size(entries);
    Capture capture;
    if (count == 0 || entry > count || (entry == 0 && count > 1)) {
        capture.problem = "the file has " + std::to_string(count) +
                          (count == 1 ? " request" : " requests") +
                          ": choose one by its number, --entry 1 for instance";
        return capture;
    }
    const json_t* chosen = json_array_get(entries, entry == 0 ? 0 : entry - 1);
    const json_t* request = json_object_get(chosen, "request");
    const json_t* response = json_object_get(chosen, "response");
    const auto body = har_body(json_object_get(request, "postData"));
    if (!body) {
        capture.problem = "the file does not have the body of the request";
        return capture;
    }
    Wire wire(std::string(at(request, "method"))
                  .append(" ")
                  .append(har_target(at(request, "url")))
                  .append(" ")
                  .append(har_version(at(request, "httpVersion"))));
    // The target is without what the pseudo-headers of some browsers have.
    add_har_fields(wire, request);
    capture.request = wire.end(*body);
    const auto status = json_integer_value(json_object_get(response, "status"));
    const auto content = har_body(json_object_get(response, "content"));
    if (status >= 100 && status <= 999 && content) {
        Wire answer(har_version(at(response, "httpVersion")) + ' ' + std::to_string(status));
        add_har_fields(answer, response);
        capture.response = answer.end(*content);
    }
    return capture;
}

}  // namespace

bool is_capture(std::string_view text) noexcept {
    return text.starts_with('{') || !boundary_of(text.substr(0, text.find('\n'))).empty();
}

Capture take_capture(std::string_view text, std::size_t entry) {
    Capture capture;
    if (!text.starts_with('{')) {
        capture = NativeEntry(text).take();
    } else {
        json_error_t error;
        const Json root(json_loadb(text.data(), text.size(), JSON_DISABLE_EOF_CHECK, &error));
        const json_t* transaction = json_object_get(root.get(), "transaction");
        const json_t* entries = json_object_get(json_object_get(root.get(), "log"), "entries");
        if (!root) {
            capture.problem = std::string("this is not JSON: ") + error.text;
        } else if (json_is_object(transaction)) {
            capture = from_audit(transaction);
        } else if (json_is_array(entries)) {
            capture = from_har(entries, entry);
        } else {
            capture.problem = "an entry of an audit log or a HAR file was expected";
        }
    }
    if (capture.problem.empty() && capture.request.empty()) {
        capture.problem = "a line of the request has a line end in it";
    }
    return capture;
}

}  // namespace gatehouse::waf::tool
