#include "waf/core/request_view.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::waf {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_alphanumeric(char c) noexcept {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
}

// Of a target in absolute form: behind the scheme and "//". The origin form begins with "/", and
// what nginx makes of the absolute form with "?" if the path is empty.
std::size_t authority_of(std::string_view target) noexcept {
    if (target.empty() || !is_alphanumeric(target[0])) {
        return kNone;
    }
    const std::size_t colon = target.find(':');
    return colon != kNone && target.substr(colon).starts_with("://") ? colon + 3 : kNone;
}

bool starts_with(std::string_view text, std::string_view small) noexcept {
    return same_text(text.substr(0, small.size()), small);
}

std::size_t count_word(std::string_view text, std::string_view word) noexcept {
    std::size_t count = 0;
    for (; text.size() >= word.size(); text.remove_prefix(1)) {
        count += starts_with(text, word) ? 1 : 0;
    }
    return count;
}

// The parts between separators. Quotes are not heeded, as there are receivers that do not.
template <class F>
void for_each_part(std::string_view text, char separator, F&& visit) {
    for (;;) {
        const std::size_t end = text.find(separator);
        visit(field_value(text.substr(0, end)));
        if (end == kNone) {
            return;
        }
        text.remove_prefix(end + 1);
    }
}

bool is_quoted(std::string_view value) noexcept {
    return value.size() >= 2 && value.front() == '"' && value.back() == '"';
}

std::string_view without_quotes(std::string_view value) noexcept {
    return is_quoted(value) ? value.substr(1, value.size() - 2) : value;
}

// Several media types in one field: "text/plain, text/html".
bool is_list(std::string_view content_type) noexcept {
    bool first = true;
    bool list = false;
    for_each_part(content_type, ',', [&](std::string_view part) {
        const std::string_view type = part.substr(0, part.find_first_of(";="));
        list = list || (!first && type.find('/') != kNone);
        first = false;
    });
    return list;
}

// RFC 2046 section 5.1.1. Without quotes, receivers end it at a comma or blank, or do not.
bool is_plain(std::string_view boundary) noexcept {
    constexpr std::size_t kMost = 70;
    const std::string_view others =
        is_quoted(boundary) ? "'()+_-./:=?, " : std::string_view("'()+_-./:=?");
    boundary = without_quotes(boundary);
    return !boundary.empty() && boundary.size() <= kMost && boundary.back() != ' ' &&
           std::all_of(boundary.begin(), boundary.end(),
                       [&](char c) { return is_alphanumeric(c) || others.find(c) != kNone; });
}

// The parameter is to be the first, in small letters and without blanks: libmodsecurity reads no
// other. And as some look for the word rather than for the parameter, it may not occur again.
std::string_view boundary_doubt(std::string_view content_type) noexcept {
    constexpr std::string_view kName = "boundary=";
    const std::size_t semicolon = std::min(content_type.find(';'), content_type.size() - 1);
    std::string_view parameter = field_value(content_type.substr(semicolon + 1));
    parameter = parameter.substr(0, parameter.find(';'));
    const bool read = parameter.starts_with(kName) && count_word(content_type, "boundary") == 1 &&
                      is_plain(parameter.substr(kName.size()));
    return read ? std::string_view() : "the multipart body has no plain boundary";
}

std::string_view type_doubt(std::string_view content_type) noexcept {
    if (is_list(content_type)) {
        return "Content-Type is a list";
    }
    const BodyKind kind = body_kind(content_type);
    if (kind == BodyKind::other) {
        return {};
    }
    const std::string_view doubt = charset_doubt(content_type);
    return doubt.empty() && kind == BodyKind::multipart ? boundary_doubt(content_type) : doubt;
}

}  // namespace

Target::Target(std::string_view sent) {
    if (const std::size_t begin = authority_of(sent); begin != kNone) {
        const std::size_t end = std::min(sent.find_first_of("/?#", begin), sent.size());
        const std::string_view whole = sent.substr(begin, end - begin);
        authority = whole.substr(whole.rfind('@') + 1);  // npos + 1 is 0
        sent.remove_prefix(end);
    }
    if (!sent.starts_with('/')) {
        text = '/';
    }
    text += sent;
    fragment = text.find('#');
    path_end = std::min(text.find_first_of("?#"), text.size());
    path = percent_decoded(std::string_view(text).substr(0, path_end));
}

std::string_view Target::query() const noexcept {
    const std::size_t mark = text.find('?');
    return mark == kNone ? std::string_view() : std::string_view(text).substr(mark + 1);
}

// To nginx, and to whoever knows fragments, the path ends there; for others it goes on.
std::string_view Target::doubt() const noexcept {
    return fragment == path_end ? "there is a \"#\" in the path" : std::string_view();
}

// nginx refuses what is left alone here: "%" without two digits.
std::string percent_decoded(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low < 0) {
            out += text[i];
            continue;
        }
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

std::string_view field_value(std::string_view value) noexcept {
    const std::size_t first = value.find_first_not_of(" \t");
    return first == kNone ? std::string_view()
                          : value.substr(first, value.find_last_not_of(" \t") + 1 - first);
}

bool same_text(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view host_of(std::string_view value) noexcept {
    const std::size_t literal =
        value.starts_with('[') ? std::min(value.find(']'), value.size()) : 0;
    value = value.substr(0, value.find(':', literal));
    if (value.ends_with('.')) {
        value.remove_suffix(1);
    }
    return value;
}

BodyKind body_kind(std::string_view content_type) noexcept {
    if (count_word(content_type, "application/x-www-form-urlencoded") > 0) {
        return BodyKind::form;
    }
    return count_word(content_type, "multipart/form-data") > 0 ? BodyKind::multipart
                                                               : BodyKind::other;
}

bool has_ascii(std::string_view charset) noexcept {
    constexpr std::array<std::string_view, 20> kFamilies{
        "utf-8", "utf8",  "us-ascii",  "ascii",     "iso-8859-", "iso8859-", "iso_8859-",
        "latin", "koi8-", "windows-",  "cp125",     "gb2312",    "gbk",      "gb18030",
        "big5",  "euc-",  "shift_jis", "shift-jis", "tis-620",   "macintosh"};
    return std::any_of(kFamilies.begin(), kFamilies.end(),
                       [&](std::string_view family) { return starts_with(charset, family); });
}

std::string_view charset_doubt(std::string_view content_type) noexcept {
    std::string_view first;
    std::string_view doubt;
    for_each_part(content_type, ';', [&](std::string_view parameter) {
        const std::size_t equals = std::min(parameter.find('='), parameter.size());
        const std::string_view name = field_value(parameter.substr(0, equals));
        if (!same_text(name, "charset") && !starts_with(name, "charset*")) {
            return;
        }
        const std::string_view charset =
            without_quotes(field_value(parameter.substr(std::min(equals + 1, parameter.size()))));
        first = first.empty() ? charset : first;
        if (name.find('*') != kNone || !has_ascii(charset) || !same_text(charset, first)) {
            doubt = kCharsetDoubt;
        }
    });
    return doubt;
}

void BodyView::field(std::string_view name, std::string_view value) {
    if (same_text(name, "Content-Type")) {
        if (type_ && *type_ != value) {
            doubt_ = "there are several fields Content-Type";
        } else if (!type_) {
            type_ = value;
            doubt_ = doubt_.empty() ? type_doubt(value) : doubt_;
        }
    } else if (same_text(name, "Content-Encoding") && !value.empty() &&
               !same_text(value, "identity")) {
        doubt_ = "the body has a content coding";
    }
}

}  // namespace gatehouse::waf
