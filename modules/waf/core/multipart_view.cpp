#include "waf/core/multipart_view.hpp"

#include <algorithm>

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

bool contains(std::string_view text, std::string_view word) noexcept {
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same_letters) !=
           text.end();
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
    std::string_view rest = body;
    const char* part = nullptr;
    while (!boundary.empty() && !rest.empty()) {
        const char* const begin = rest.data();
        if (take_line(rest).starts_with(front)) {
            if (part != nullptr) {
                read_part({part, static_cast<std::size_t>(begin - part)});
            }
            part = rest.data();
        }
    }
}

void MultipartView::read_part(std::string_view part) {
    int dispositions = 0;
    bool is_file = false;
    for (std::string_view line = take_line(part); !line.empty(); line = take_line(part)) {
        const bool is_disposition =
            same_text(field_value(line.substr(0, line.find(':'))), "Content-Disposition");
        dispositions += is_disposition ? 1 : 0;
        is_file = is_file || contains(line, "filename");
    }
    if (dispositions > 1) {
        doubt_ = "a part of the body has more than one Content-Disposition";
    }
    const std::string_view text = without_end(part);
    if (!is_file && text.find('\n') != text.npos) {
        texts_.push_back(text);
    }
}

}  // namespace gatehouse::waf
