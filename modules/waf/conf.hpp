#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "ngx/bypass.hpp"
#include "ngx/conf.hpp"
#include "waf/core/engine.hpp"
#include "waf/event.hpp"
#include "waf/rule_logs.hpp"

namespace gatehouse::waf {

// What a directive says: a word, or a string with variables that makes one for each request.
template <class Value>
struct Choice {
    Value value{};
    ngx_http_complex_value_t* variable = nullptr;  // null: the value above
};

// modsecurity
enum class Enabled : std::uint8_t { off, on, detect };

// modsecurity_phase: headers in REWRITE and the body in PREACCESS, or both in PRECONTENT.
enum class Moment : std::uint8_t { early, late };

// modsecurity_on_error: what becomes of a request that the engine breaks down over.
enum class OnError : std::uint8_t { deny, pass };

// modsecurity_request_body, modsecurity_response_body
struct BodyAccess {
    bool allowed = true;                // and the rules decide
    std::optional<std::uint64_t> most;  // octets that are read; what follows is not inspected
    std::vector<std::string> types;     // of responses; empty: those of the rules

    // How much of a body is given to the engine. One octet more than its own limit (0: none), and
    // it knows that there were more.
    std::uint64_t most_given(std::uint64_t limit) const noexcept {
        const std::uint64_t ours = most.value_or(std::numeric_limits<std::uint64_t>::max());
        return limit == 0 ? ours : std::min(ours, limit + 1);
    }
};

// modsecurity_response_buffer
struct ResponseBuffer {
    bool on = false;
    std::size_t most = std::size_t{512} << 10;
};

// What the directives of one level say; what they do not say comes from the level around it. Rules
// of all levels hold together.
struct Declared {
    std::vector<RuleSource> sources;
    std::optional<Choice<Enabled>> enabled;
    std::optional<Choice<bool>> dry_run;
    std::optional<Moment> moment;
    std::optional<OnError> on_error;
    std::optional<bool> error_log;
    std::optional<ngx_uint_t> status;
    std::optional<BodyAccess> request_body, response_body;
    std::optional<ResponseBuffer> response_buffer;
    std::optional<EventLog> event_log;
    std::optional<Limits> limits;
    ngx_http_complex_value_t* transaction_id = nullptr;
    ngx::Bypass bypass;
};

struct LocConf {
    Declared declared;
    ngx::ConfPlace place;  // of the first directive with rules

    // After merging.
    RuleSetPtr rules;  // null: none
    Choice<Enabled> enabled;
    Choice<bool> dry_run;
    Moment moment = Moment::early;
    OnError on_error = OnError::deny;
    bool error_log = true;
    std::optional<ngx_uint_t> status;  // none: that of the rule
    BodyAccess request_body, response_body;
    ResponseBuffer response_buffer;
    EventLog event_log;
    Limits limits;
    ngx_http_complex_value_t* transaction_id = nullptr;
    ngx::Bypass bypass;
};

struct MainConf {
    bool active = false;  // modsecurity is not off everywhere
    RuleLogs logs;
};

// That of this process, made by the master when it is asked for first. It stays: what it knows of
// rules that are in use need not be loaded again on reload. Throws std::bad_alloc.
Engine& engine();

}  // namespace gatehouse::waf
