#include "redis/core/error_reply.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include "redis/core/address.hpp"
#include "redis/core/slots.hpp"

namespace gatehouse::redis {
namespace {

constexpr std::size_t kMaxLogged = 64;

constexpr auto kWords = std::to_array<std::pair<std::string_view, ErrorClass>>({
    {"NOSCRIPT", ErrorClass::no_script},
    {"MOVED", ErrorClass::moved},
    {"ASK", ErrorClass::ask},
    {"TRYAGAIN", ErrorClass::try_again},
    {"CROSSSLOT", ErrorClass::cross_slot},
    {"CLUSTERDOWN", ErrorClass::cluster_down},
    {"READONLY", ErrorClass::read_only},
    {"LOADING", ErrorClass::loading},
    {"MASTERDOWN", ErrorClass::master_down},
    {"MISCONF", ErrorClass::misconf},
    {"OOM", ErrorClass::out_of_memory},
    {"NOREPLICAS", ErrorClass::no_replicas},
    {"BUSY", ErrorClass::busy},
    {"UNKILLABLE", ErrorClass::unkillable},
    {"NOAUTH", ErrorClass::no_auth},
    {"WRONGPASS", ErrorClass::wrong_password},
    {"NOPERM", ErrorClass::no_permission},
});

ErrorClass class_of_word(std::string_view word) noexcept {
    const auto* found = std::find_if(kWords.begin(), kWords.end(),
                                     [word](const auto& entry) { return entry.first == word; });
    return found == kWords.end() ? ErrorClass::other : found->second;
}

std::string_view first_word(std::string_view text) noexcept {
    return text.substr(0, text.find(' '));
}

// The whole call was turned down, nothing of it has been carried out.
bool is_redirection(ErrorClass error_class) noexcept {
    switch (error_class) {
    case ErrorClass::no_script:
    case ErrorClass::moved:
    case ErrorClass::ask:
    case ErrorClass::try_again:
    case ErrorClass::cross_slot:
        return true;
    default:
        return false;
    }
}

// The error of a command inside a script. Redis 6.2 wraps it:
//   ERR Error running script (call to f_<sha>): @user_script:1: @user_script: 1: -OOM command ...
// and Redis 7 appends `script: <sha>, on @user_script:1.` to it. Such a script may have written
// already: whatever is said then, it must not be run again.
bool is_from_script(std::string_view text) noexcept {
    return text.find("user_script") != std::string_view::npos;
}

ErrorClass class_from_script(std::string_view text) noexcept {
    // An ACL rule has no word of its own there.
    if (text.find("The user executing the script can't ") != std::string_view::npos) {
        return ErrorClass::no_permission;
    }
    if (text.starts_with("ERR ")) {
        constexpr std::string_view kInner = ": -";
        const std::size_t inner = text.find(kInner);
        text.remove_prefix(inner == std::string_view::npos ? 0 : inner + kInner.size());
    }
    const ErrorClass error_class = class_of_word(first_word(text));
    return is_redirection(error_class) ? ErrorClass::other : error_class;
}

// `3999 127.0.0.1:6381`, after MOVED or ASK. IPv6 addresses stand there without brackets.
std::optional<Redirect> parse_redirect(std::string_view text) noexcept {
    Redirect redirect;
    const std::size_t space = text.find(' ');
    const std::size_t colon = text.rfind(':');
    if (space == std::string_view::npos || colon == std::string_view::npos || colon < space) {
        return std::nullopt;
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + space, redirect.slot);
    const auto port = parse_port(text.substr(colon + 1));
    redirect.host = text.substr(space + 1, colon - space - 1);
    if (error != std::errc() || end != text.data() + space || redirect.slot >= kSlots || !port ||
        (!redirect.host.empty() && !valid_host(redirect.host))) {
        return std::nullopt;
    }
    redirect.port = *port;
    return redirect;
}

bool is_unknown_command(std::string_view text) noexcept {
    return text.starts_with("ERR unknown command") || text.starts_with("ERR unknown subcommand") ||
           text.starts_with("ERR Unknown subcommand");
}

bool is_printable(char c) noexcept { return c >= ' ' && c <= '~'; }

}  // namespace

ErrorReply classify(std::string_view text) noexcept {
    if (is_from_script(text)) {
        return {class_from_script(text), std::nullopt};
    }
    if (is_unknown_command(text)) {
        return {ErrorClass::unknown_command, std::nullopt};
    }
    const std::string_view word = first_word(text);
    ErrorReply reply{class_of_word(word), std::nullopt};
    if (reply.error_class == ErrorClass::moved || reply.error_class == ErrorClass::ask) {
        reply.redirect = parse_redirect(text.substr(std::min(word.size() + 1, text.size())));
        if (!reply.redirect) {
            reply.error_class = ErrorClass::other;
        }
    }
    return reply;
}

Consequence consequence(ErrorClass error_class) noexcept {
    switch (error_class) {
    case ErrorClass::other:
    case ErrorClass::no_script:
    case ErrorClass::moved:
    case ErrorClass::ask:
    case ErrorClass::try_again:
    case ErrorClass::cross_slot:
        return {};
    case ErrorClass::unknown_command:
    case ErrorClass::cluster_down:
    case ErrorClass::misconf:
    case ErrorClass::out_of_memory:
    case ErrorClass::no_replicas:
    case ErrorClass::busy:
    case ErrorClass::unkillable:
    case ErrorClass::no_permission:
        return {.give_up = false, .open_breaker = true};
    case ErrorClass::read_only:
    case ErrorClass::loading:
    case ErrorClass::master_down:
    case ErrorClass::no_auth:
    case ErrorClass::wrong_password:
        return {.give_up = true, .open_breaker = true};
    }
    return {};
}

std::string loggable(std::string_view text) {
    const ErrorClass error_class = classify(text).error_class;
    if (error_class == ErrorClass::unknown_command) {
        return "unknown command";
    }
    const auto* word = std::find_if(kWords.begin(), kWords.end(), [error_class](const auto& entry) {
        return entry.second == error_class;
    });
    if (word != kWords.end()) {
        return std::string(word->first);
    }
    std::string shown(text.substr(0, std::min(text.find_first_of("'\"`"), kMaxLogged)));
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return !is_printable(c); }, '?');
    return shown;
}

}  // namespace gatehouse::redis
