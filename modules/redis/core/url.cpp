#include "redis/core/url.hpp"

#include <algorithm>
#include <vector>

#include "redis/core/address.hpp"

namespace gatehouse::redis {
namespace {

using std::string_view;

bool contains(string_view text, string_view part) noexcept {
    return text.find(part) != string_view::npos;
}

// scheme://user:password@authority/path?query
struct Parts {
    string_view scheme, user_info, authority, path;
    bool has_user_info = false, has_query = false;
};

Parts split(string_view text) noexcept {
    Parts parts;
    if (const std::size_t end = text.find("://"); end != text.npos) {
        parts.scheme = text.substr(0, end);
        text.remove_prefix(end + 3);
    }
    // A password may hold any of the delimiters: the last @ ends it.
    if (const std::size_t end = text.rfind('@'); end != text.npos) {
        parts.has_user_info = true;
        parts.user_info = text.substr(0, end);
        text.remove_prefix(end + 1);
    }
    if (const std::size_t end = text.find_first_of("?#"); end != text.npos) {
        parts.has_query = true;
        text = text.substr(0, end);
    }
    parts.authority = text.substr(0, text.find('/'));
    parts.path = text.substr(parts.authority.size());
    return parts;
}

bool looks_like_url(string_view text) noexcept {
    if (text.starts_with("unix:")) {
        return text.starts_with("unix://") && text.find_first_of("?@") != text.npos;
    }
    return contains(text, "://") || (contains(text, ":") && text.find_first_of("@/") != text.npos);
}

// What server takes: a host, and a port if there is one.
bool is_server(string_view authority) noexcept {
    const bool bracketed = authority.starts_with('[');
    const std::size_t end = authority.find(bracketed ? ']' : ':');
    if (bracketed && end == authority.npos) {
        return false;
    }
    const std::size_t begin = bracketed ? 1 : 0;
    const string_view host = authority.substr(begin, end - begin);
    const string_view port = authority.substr(host.size() + 2 * begin);
    if (!valid_host(host) || port.empty()) {
        return valid_host(host);
    }
    return port.size() > 1 && port.starts_with(':') && parse_port(port.substr(1)).has_value();
}

bool is_number(string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string lower_case(string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower;
}

// What the directives of the block are called that say the same.
std::vector<std::string> directives(const Parts& parts) {
    const std::string scheme = lower_case(parts.scheme);
    std::vector<std::string> found;
    if (contains(scheme, "unix") || contains(scheme, "socket")) {
        found.push_back("server unix:" + (parts.path.empty() ? "path" : std::string(parts.path)));
        return found;
    }
    found.push_back("server " +
                    (is_server(parts.authority) ? std::string(parts.authority) : "address:port"));
    for (const string_view secure : {"rediss", "valkeys", "tls", "ssl"}) {
        if (contains(scheme, secure)) {
            found.emplace_back("tls on");
            break;
        }
    }
    if (contains(scheme, "sentinel")) {
        found.emplace_back("topology sentinel master=name");
    } else if (contains(scheme, "cluster")) {
        found.emplace_back("topology cluster");
    }
    if (is_server(parts.authority) && parts.path.size() > 1 && is_number(parts.path.substr(1))) {
        found.push_back("database " + std::string(parts.path.substr(1)));
    }
    return found;
}

// `"a;", "b;"`
std::string quoted(const std::vector<std::string>& directives) {
    std::string text;
    for (const std::string& directive : directives) {
        text.append(text.empty() ? "\"" : ", \"").append(directive).append(";\"");
    }
    return text;
}

}  // namespace

std::optional<Url> read_url(string_view text) {
    if (!looks_like_url(text)) {
        return std::nullopt;
    }
    const Parts parts = split(text);
    std::vector<std::string> instead = directives(parts);
    if (parts.has_user_info) {
        if (!parts.user_info.starts_with(':')) {
            instead.emplace_back("username name");
        }
        instead.emplace_back("password_file file");
    }
    Url url;
    url.shown.append(parts.scheme).append(parts.scheme.empty() ? "" : "://");
    url.shown.append(parts.has_user_info ? "...@" : "");
    url.shown.append(parts.authority).append(parts.path).append(parts.has_query ? "?..." : "");
    url.instead = quoted(instead);
    return url;
}

}  // namespace gatehouse::redis
