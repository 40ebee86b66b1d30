#include "waf/core/address_list.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "waf/core/seclang_marks.hpp"

namespace gatehouse::waf {
namespace {

constexpr std::string_view kBetweenEntries = " \t\r";
constexpr std::size_t kShown = 80;

// As the library reads it: blanks and what follows the digits do not count.
bool is_prefix_length(std::string_view text, long most) {
    const long length = std::strtol(std::string(text).c_str(), nullptr, 10);
    return text.find_first_of(".:") == text.npos && length > 0 && length <= most;
}

// It does not cut the length 128 off an address.
bool is_accepted(std::string_view entry) {
    const std::size_t slash = entry.find('/');
    const std::string address(entry.substr(0, slash));
    const bool is_network = slash != entry.npos;
    const std::string_view length = is_network ? entry.substr(slash + 1) : std::string_view();
    std::array<unsigned char, sizeof(in6_addr)> octets;
    if (entry.find(':') == entry.npos) {
        return inet_pton(AF_INET, address.c_str(), octets.data()) == 1 &&
               (!is_network || is_prefix_length(length, 32));
    }
    return inet_pton(AF_INET6, address.c_str(), octets.data()) == 1 &&
           (!is_network || is_prefix_length(length, 127));
}

std::string shown(std::string_view entry) {
    std::string text(entry.substr(0, kShown));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c == '\x7f'; }, '?');
    return '"' + text + (entry.size() > kShown ? "...\"" : "\"");
}

std::string describe(std::string_view entry) {
    const std::size_t begin = std::min(entry.find_first_not_of(kBetweenEntries), entry.size());
    const std::string_view trimmed =
        entry.substr(begin, entry.find_last_not_of(kBetweenEntries) + 1 - begin);
    if (entry.starts_with(seclang::kByteOrderMark)) {
        return "a byte order mark stands here: save the file without it";
    }
    if (trimmed.size() < entry.size() && (trimmed.empty() || is_accepted(trimmed))) {
        return entry.ends_with('\r')
                   ? shown(trimmed) + " ends with a carriage return, which no address may have"
                   : "blanks stand around the address " + shown(trimmed);
    }
    if (entry.ends_with("/128")) {
        return shown(entry) + ": libmodsecurity wants it without \"/128\"";
    }
    if (entry.ends_with("/0")) {
        return shown(entry) + ": libmodsecurity knows no network of all addresses";
    }
    return shown(entry) + " is neither an address nor a network";
}

}  // namespace

std::optional<std::string> address_mistake(std::string_view entries) {
    while (!entries.empty()) {
        const std::string_view entry = entries.substr(0, entries.find(','));
        entries.remove_prefix(std::min(entry.size() + 1, entries.size()));
        if (!entry.empty() && !is_accepted(entry)) {
            return describe(entry);
        }
    }
    return std::nullopt;
}

std::optional<seclang::Problem> address_list_mistake(std::string_view text) {
    for (int line = 1; !text.empty(); ++line) {
        const std::string_view all = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(all.size() + 1, text.size()));
        if (auto mistake = address_mistake(all.substr(0, all.find('#')))) {
            return seclang::Problem{line, std::move(*mistake)};
        }
    }
    return std::nullopt;
}

}  // namespace gatehouse::waf
