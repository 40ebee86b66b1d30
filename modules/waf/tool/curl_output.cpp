#include "waf/tool/curl_output.hpp"

#include <algorithm>

namespace gatehouse::waf::tool {
namespace {

// "> GET / HTTP/1.1", and ">" for the empty line
bool has_mark(std::string_view line, char mark) noexcept {
    return !line.empty() && line.front() == mark && (line.size() == 1 || line[1] == ' ');
}

// Where the output is not a terminal curl shows how far it is: under this line, and in lines that
// begin with CR.
constexpr std::string_view kMeter = "  % Total ";

class CurlReader {
  public:
    // False: nothing that follows is of interest.
    bool take(std::string_view line, int number) {
        if (has_mark(line, '>')) {
            return take_request(line, number);
        }
        if (has_mark(line, '<')) {
            take_response(line, number);
        } else if (has_mark(line, '*') || has_mark(line, '{') || has_mark(line, '}') ||
                   line.starts_with('\r')) {
            body_may_follow_ = false;
        } else if (in_body_) {
            out_.response.append(line).append("\n");
        } else if (body_may_follow_) {
            out_.request.append(line).append("\n");
        }
        return true;
    }

    CurlOutput out() { return std::move(out_); }

  private:
    static std::string_view unmarked(std::string_view line) noexcept {
        return line.substr(std::min<std::size_t>(2, line.size()));
    }

    bool take_request(std::string_view line, int number) {
        if (has_request_) {
            return false;
        }
        if (out_.request.empty()) {
            out_.request_line = number - 1;
        }
        out_.request.append(unmarked(line)).append("\n");
        has_request_ = body_may_follow_ = unmarked(line).empty();
        return true;
    }

    void take_response(std::string_view line, int number) {
        body_may_follow_ = false;
        if (in_body_ || out_.response.empty()) {
            out_.response.clear();
            out_.response_line = number - 1;
        }
        out_.response.append(unmarked(line)).append("\n");
        in_body_ = unmarked(line).empty();
    }

    CurlOutput out_;
    bool has_request_ = false;
    bool body_may_follow_ = false;
    bool in_body_ = false;
};

}  // namespace

bool is_curl_output(std::string_view text) noexcept {
    const std::string_view line = text.substr(0, text.find('\n'));
    return has_mark(line, '*') || has_mark(line, '>') || line.starts_with(kMeter);
}

CurlOutput take_curl_output(std::string_view text) {
    CurlReader reader;
    for (int number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (!reader.take(line, number)) {
            break;
        }
    }
    return reader.out();
}

}  // namespace gatehouse::waf::tool
