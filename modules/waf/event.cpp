#include "waf/event.hpp"

#include <jansson.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <memory>

#include "ngx/log.hpp"
#include "ngx/str.hpp"
#include "waf/inspection.hpp"

namespace gatehouse::waf {
namespace {

constexpr std::size_t kMaxText = 512;  // octets of a text that comes from the request

using Json = std::unique_ptr<json_t, decltype([](json_t* value) { json_decref(value); })>;

Json checked(json_t* value) {
    if (value == nullptr) {
        throw std::bad_alloc();
    }
    return Json(value);
}

void set(const Json& object, const char* name, Json value) {
    if (json_object_set_new_nocheck(object.get(), name, value.release()) != 0) {
        throw std::bad_alloc();
    }
}

Json number(std::int64_t value) { return checked(json_integer(value)); }

// JSON is UTF-8: octets that are not become `?`, each for itself.
Json text(std::string_view value) {
    std::string valid(value.substr(0, kMaxText));
    json_t* made = json_stringn(valid.data(), valid.size());
    if (made == nullptr) {
        std::replace_if(
            valid.begin(), valid.end(), [](char c) { return (c & 0x80) != 0; }, '?');
        made = json_stringn(valid.data(), valid.size());
    }
    return checked(made);
}

Json list(std::initializer_list<std::string_view> words) {
    Json array = checked(json_array());
    for (const std::string_view word : words) {
        if (json_array_append_new(array.get(), text(word).release()) != 0) {
            throw std::bad_alloc();
        }
    }
    return array;
}

// The name behind the colon of ARGS:password.
bool is_redacted(const EventLog& log, std::string_view variable) {
    std::string name(variable.substr(std::min(variable.size(), variable.find(':') + 1)));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::find(log.redacted.begin(), log.redacted.end(), name) != log.redacted.end();
}

Json rule_of(const EventLog& log, const KeptMatch& match) {
    Json rule = checked(json_object());
    set(rule, "id", text(std::to_string(match.id)));
    set(rule, "description", text(match.message));
    set(rule, "phase", number(match.phase));
    set(rule, "severity", number(match.severity));
    set(rule, "variable", text(match.variable));
    set(rule, "data", text(is_redacted(log, match.variable) ? "(redacted)" : match.data));
    set(rule, "reference", text(match.file + ":" + std::to_string(match.line)));
    return rule;
}

Json rules_of(const EventLog& log, const Inspection& inspection) {
    Json rules = checked(json_array());
    for (const KeptMatch& match : inspection.matches()) {
        if (json_array_append_new(rules.get(), rule_of(log, match).release()) != 0) {
            throw std::bad_alloc();
        }
    }
    return rules;
}

std::string timestamp() {
    const ngx_time_t* now = ngx_timeofday();
    ngx_tm_t time;
    ngx_gmtime(now->sec, &time);
    std::array<u_char, 32> buffer;
    const u_char* end =
        ngx_snprintf(buffer.data(), buffer.size(), "%4d-%02d-%02dT%02d:%02d:%02d.%03MZ",
                     time.ngx_tm_year, time.ngx_tm_mon, time.ngx_tm_mday, time.ngx_tm_hour,
                     time.ngx_tm_min, time.ngx_tm_sec, now->msec);
    return {reinterpret_cast<const char*>(buffer.data()),
            static_cast<std::size_t>(end - buffer.data())};
}

Json nested(const char* name, Json value) {
    Json object = checked(json_object());
    set(object, name, std::move(value));
    return object;
}

Json event_of(bool blocked) {
    Json event = checked(json_object());
    set(event, "kind", text("alert"));
    set(event, "category", list({"web", "intrusion_detection"}));
    set(event, "type", list({blocked ? "denied" : "info"}));
    set(event, "action", text(blocked ? "waf.blocked" : "waf.detected"));
    set(event, "outcome", text(blocked ? "failure" : "success"));
    return event;
}

Json http_of(const Inspection& inspection) {
    const ngx_http_request_t* r = inspection.request;
    Json request = checked(json_object());
    set(request, "id", text(inspection.id()));
    set(request, "method", text(inspection.method()));
    Json http = nested("request", std::move(request));
    set(http, "response",
        nested("status_code", number(static_cast<std::int64_t>(r->headers_out.status))));
    return http;
}

std::string line_of(const EventLog& log, const Inspection& inspection) {
    const ngx_http_request_t* r = inspection.request;
    Json line = checked(json_object());
    set(line, "@timestamp", text(timestamp()));
    set(line, "event", event_of(inspection.status() == Status::blocked));
    set(line, "source", nested("ip", text(ngx::view(r->connection->addr_text))));
    // As sent: error_page may have made the request another one since.
    const std::string_view uri = ngx::view(r->unparsed_uri);
    Json url = nested("path", text(uri.substr(0, uri.find('?'))));
    set(url, "domain", text(ngx::view(r->headers_in.server)));
    set(line, "url", std::move(url));
    set(line, "http", http_of(inspection));
    set(line, "rules", rules_of(log, inspection));
    set(line, "score", number(inspection.score()));
    const std::unique_ptr<char, decltype([](char* made) { std::free(made); })> dumped(
        json_dumps(line.get(), JSON_COMPACT));
    if (dumped == nullptr) {
        throw std::bad_alloc();
    }
    return std::string(dumped.get()) + "\n";
}

}  // namespace

KeptMatch keep(const Match& match) {
    const auto bounded = [](std::string_view text) {
        return std::string(text.substr(0, kMaxText));
    };
    return {match.id,
            match.phase,
            match.severity,
            match.disruptive,
            bounded(match.message),
            bounded(match.data),
            bounded(match.variable),
            std::string(match.file),
            match.line};
}

void write_event(const EventLog& log, const Inspection& inspection) {
    if (log.file == nullptr) {
        return;
    }
    const std::string line = line_of(log, inspection);
    // As nginx writes its access log: appended by one call, so that lines of workers do not mix.
    ngx_log_t* errors = inspection.request->connection->log;
    const ssize_t written = ngx_write_fd(log.file->fd, const_cast<char*>(line.data()), line.size());
    if (written != static_cast<ssize_t>(line.size())) {
        ngx_log_error(NGX_LOG_ALERT, errors, ngx_errno, "write() to \"%V\" failed",
                      &log.file->name);
    }
}

}  // namespace gatehouse::waf
