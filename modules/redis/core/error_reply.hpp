#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::redis {

// What an error reply is about, by its first word. Errors of a command that a script called count
// as that command's.
enum class ErrorClass : std::uint8_t {
    other,            // any other word, and a redirection that is malformed
    unknown_command,  // also one that was renamed away
    no_script,        // NOSCRIPT: to be repeated with EVAL; was not carried out
    moved,            // MOVED: to be repeated at ErrorReply::redirect; was not carried out
    ask,              // ASK: the same, after ASKING
    try_again,        // TRYAGAIN: a slot is on its way and the keys are in two places
    cross_slot,       // CROSSSLOT: keys of several slots in one call
    cluster_down,     // CLUSTERDOWN
    read_only,        // READONLY: a replica
    loading,          // LOADING: restarting
    master_down,      // MASTERDOWN: a replica without its master
    misconf,          // MISCONF: snapshots fail, writes are refused
    out_of_memory,    // OOM: maxmemory
    no_replicas,      // NOREPLICAS: fewer than min-replicas-to-write
    busy,             // BUSY: a script runs for too long
    unkillable,       // UNKILLABLE: and has written already
    no_auth,          // NOAUTH
    wrong_password,   // WRONGPASS
    no_permission,    // NOPERM: an ACL rule
};

// Where MOVED and ASK point to. `host` is valid_host() or empty: the node that answered.
struct Redirect {
    std::uint16_t slot = 0;
    std::string_view host;
    std::uint16_t port = 0;
};

struct ErrorReply {
    ErrorClass error_class = ErrorClass::other;
    std::optional<Redirect> redirect;  // moved, ask; views into the text that was classified
};

// `text`: of a reply of Type::error.
ErrorReply classify(std::string_view text) noexcept;

// What has to follow, apart from Failure::refused for the waiter.
struct Consequence {
    bool give_up = false;       // the connection is of no use: find the server anew and reconnect
    bool open_breaker = false;  // the next calls would be refused, too
};
Consequence consequence(ErrorClass error_class) noexcept;

// For the log: the class's word; for ErrorClass::other at most 64 printable characters of `text`,
// and none from the first quotation mark on, because servers quote the arguments of commands, of
// AUTH, too. Throws std::bad_alloc.
std::string loggable(std::string_view text);

}  // namespace gatehouse::redis
