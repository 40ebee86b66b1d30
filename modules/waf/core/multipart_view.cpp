#include "waf/core/multipart_view.hpp"

#include <algorithm>
#include <utility>

#include "waf/core/request_view.hpp"

namespace gatehouse::waf {
namespace {

bool same_letters(char a, char b) noexcept { return (a | 0x20) == (b | 0x20); }

// Takes a line off the text, without its end.
std::string_view take_line(std::string_view& text) noexcept {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return line;
}

// Without the line break that belongs to the boundary behind it.
std::string_view without_end(std::string_view text) noexcept {
    for (const char c : {'\n', '\r'}) {
        if (text.ends_with(c)) {
            text.remove_suffix(1);
        }
    }
    return text;
}

constexpr std::string_view kDisposition = "Content-Disposition";

bool is_head_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view without_blanks_before(std::string_view text) noexcept {
    const auto end = std::find_if_not(text.begin(), text.end(), is_head_blank);
    text.remove_prefix(static_cast<std::size_t>(end - text.begin()));
    return text;
}

// `form-data; name="q"; filename="f"`, as libmodsecurity reads it: single quotes are quotes, too,
// and a backslash is one unless a quote or a backslash follows.
class Disposition {
  public:
    explicit Disposition(std::string_view value) : rest_(value) {
        constexpr std::string_view kType = "form-data";
        valid_ = rest_.starts_with(kType);
        rest_.remove_prefix(valid_ ? kType.size() : 0);
        while (valid_ && !(rest_ = without_blanks_before(rest_)).empty()) {
            valid_ = rest_.front() == ';';
            rest_ = without_blanks_before(rest_.substr(1));
            valid_ = valid_ && read_parameter();
        }
    }

    bool is_field() const noexcept { return valid_ && !name.empty() && filename_.empty(); }

    std::string name;

  private:
    bool read_parameter() {
        const std::size_t end = rest_.find_first_of("= \t");
        const std::string_view parameter = rest_.substr(0, end);
        rest_ = without_blanks_before(rest_.substr(std::min(end, rest_.size())));
        if (!rest_.starts_with('=')) {
            return false;
        }
        rest_ = without_blanks_before(rest_.substr(1));
        std::string value = read_value();
        if (parameter == "name" && name.empty()) {
            name = std::move(value);
            return true;
        }
        if (parameter == "filename" && filename_.empty()) {
            filename_ = std::move(value);
            return true;
        }
        return parameter == "filename*";
    }

    std::string read_value() {
        const char quote = rest_.empty() ? '\0' : rest_.front();
        if (quote != '"' && quote != '\'') {
            const std::size_t end = std::min(rest_.find_first_of("; \t"), rest_.size());
            std::string token(rest_.substr(0, end));
            rest_.remove_prefix(end);
            return token;
        }
        std::string text;
        std::size_t i = 1;
        for (; i < rest_.size() && rest_[i] != quote; ++i) {
            const char next = i + 1 < rest_.size() ? rest_[i + 1] : '\0';
            i += rest_[i] == '\\' && (next == quote || next == '\\') ? 1 : 0;
            text += rest_[i];
        }
        rest_.remove_prefix(std::min(i + 1, rest_.size()));
        return text;
    }

    std::string_view rest_;
    std::string filename_;
    bool valid_;
};

}  // namespace

std::string_view multipart_boundary(std::string_view type) noexcept {
    constexpr std::string_view kName = "boundary";
    const auto name =
        std::search(type.begin(), type.end(), kName.begin(), kName.end(), same_letters);
    type.remove_prefix(static_cast<std::size_t>(name - type.begin()));
    const std::size_t equals = type.find('=');
    if (equals == type.npos) {
        return {};
    }
    type.remove_prefix(equals + 1);
    type.remove_prefix(std::min(type.find_first_not_of(" \t\"'"), type.size()));
    return type.substr(0, type.find_first_of(" \t\"',;"));
}

MultipartView::MultipartView(std::string_view body, std::string_view boundary) {
    const std::string front = "--" + std::string(boundary);
    const std::string last = front + "--";
    std::string_view rest = body;
    const char* part = nullptr;
    while (!boundary.empty() && !rest.empty()) {
        const char* const begin = rest.data();
        const std::string_view line = take_line(rest);
        if (line != front && line != last) {
            continue;
        }
        if (part != nullptr) {
            read_part({part, static_cast<std::size_t>(begin - part)});
        }
        if (line == last) {
            break;
        }
        part = rest.data();
    }
}

void MultipartView::read_part(std::string_view part) {
    int dispositions = 0;
    std::string disposition;
    bool continues = false;  // a folded line would belong to it
    for (std::string_view line = take_line(part); !line.empty(); line = take_line(part)) {
        if (is_head_blank(line.front())) {
            if (continues) {
                disposition.append(" ").append(without_blanks_before(line));
            }
            continue;
        }
        const std::size_t colon = std::min(line.find(':'), line.size());
        const std::string_view name = line.substr(0, colon);
        dispositions += same_text(field_value(name), kDisposition) ? 1 : 0;
        continues = disposition.empty() && same_text(name, kDisposition);
        if (continues) {
            disposition = without_blanks_before(line.substr(std::min(colon + 1, line.size())));
        }
    }
    if (dispositions > 1) {
        doubt_ = "a part of the body has more than one Content-Disposition";
    }
    Disposition read(disposition);
    if (read.is_field()) {
        fields_.push_back({std::move(read.name), without_end(part)});
    }
}

}  // namespace gatehouse::waf
