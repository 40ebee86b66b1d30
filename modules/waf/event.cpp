#include "waf/event.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "ngx/log.hpp"
#include "ngx/str.hpp"
#include "waf/core/json.hpp"
#include "waf/inspection.hpp"

namespace gatehouse::waf {
namespace {

constexpr std::size_t kMaxText = 512;  // octets of a text that comes from the request

constexpr std::size_t kMaxTags = 32;
const std::string kRedacted = "(redacted)";

std::string_view bounded(std::string_view text) noexcept { return text.substr(0, kMaxText); }

Json list(std::initializer_list<std::string_view> words) {
    Json array = Json::array();
    for (const std::string_view word : words) {
        array.append(Json::string(word));
    }
    return array;
}

bool is_listed(const EventLog& log, std::string_view name) {
    return std::find(log.redacted.begin(), log.redacted.end(), name) != log.redacted.end();
}

bool is_of_name(unsigned char c) noexcept {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c >= 0x80;
}

// Whether a name is one of those, or a part of it is: json.user.password, user[password].
bool has_secret_part(const EventLog& log, std::string_view name) {
    if (is_listed(log, name)) {
        return true;
    }
    while (!name.empty()) {
        const auto end = std::find_if_not(name.begin(), name.end(), is_of_name);
        const auto size = static_cast<std::size_t>(end - name.begin());
        if (is_listed(log, name.substr(0, size))) {
            return true;
        }
        name.remove_prefix(std::min(size + 1, name.size()));
    }
    return false;
}

// What holds parameters and fields together with their names.
bool is_of_many(std::string_view collection) noexcept {
    constexpr std::array<std::string_view, 9> kOfMany{
        "full_request", "matched_var",     "matched_vars", "query_string",   "request_body",
        "request_uri",  "request_uri_raw", "request_line", "request_headers"};
    return std::find(kOfMany.begin(), kOfMany.end(), collection) != kOfMany.end();
}

bool names_secret(const EventLog& log, std::string_view data) {
    return std::any_of(log.redacted.begin(), log.redacted.end(), [&](const std::string& name) {
        return data.find(name) != std::string_view::npos;
    });
}

// Whether the data of a variable, ARGS:password for instance, may be a secret.
bool is_redacted(const EventLog& log, const KeptMatch& match) {
    const std::string variable = ngx::lower(match.variable);
    const std::size_t colon = variable.find(':');
    const std::string_view collection = std::string_view(variable).substr(0, colon);
    const std::string_view name =
        std::string_view(variable).substr(colon == std::string::npos ? variable.size() : colon + 1);
    // Cookies are what the field of that name is made of. Of a name that was cut the end is
    // unknown.
    return variable.size() == kMaxText || collection.starts_with("request_cookies") ||
           name == "set-cookie" || has_secret_part(log, name) ||
           (is_of_many(collection) && names_secret(log, ngx::lower(match.data)));
}

Json rule_of(const EventLog& log, const KeptMatch& match) {
    Json rule = Json::object();
    rule.set("id", std::to_string(match.id));
    rule.set("description", bounded(match.message));
    rule.set("phase", Json::number(match.phase));
    if (match.severity != kNoSeverity) {
        rule.set("severity", Json::number(match.severity));
    }
    rule.set("variable", bounded(match.variable));
    rule.set("data", bounded(is_redacted(log, match) ? kRedacted : match.data));
    rule.set("reference", bounded(match.file + ":" + std::to_string(match.line)));
    Json tags = Json::array();
    for (const std::string& tag : match.tags) {
        tags.append(Json::string(tag));
    }
    rule.set("tags", std::move(tags));
    return rule;
}

Json rules_of(const EventLog& log, const Inspection& inspection) {
    Json rules = Json::array();
    for (const KeptMatch& match : inspection.own_matches()) {
        rules.append(rule_of(log, match));
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
    Json object = Json::object();
    object.set(name, std::move(value));
    return object;
}

Json event_of(const EventLog& log, const Inspection& inspection) {
    const bool blocked = inspection.status() == Status::blocked;
    Json event = Json::object();
    event.set("kind", "alert");
    event.set("category", list({"web", "intrusion_detection"}));
    event.set("type", list({blocked ? "denied" : "info"}));
    event.set("action", blocked ? "waf.blocked" : "waf.detected");
    event.set("outcome", blocked ? "failure" : "success");
    if (!blocked) {
        event.set("would_have_been_blocked", Json::boolean(inspection.would_block()));
    }
    if (!inspection.reason().empty()) {
        // What a parser says of a body may hold a part of it.
        const std::string_view reason = inspection.reason();
        event.set("reason",
                  bounded(names_secret(log, ngx::lower(reason)) ? reason.substr(0, reason.find(':'))
                                                                : reason));
    }
    return event;
}

Json http_of(const Inspection& inspection) {
    const ngx_http_request_t* r = inspection.request;
    Json request = Json::object();
    request.set("id", bounded(inspection.id()));
    request.set("method", bounded(inspection.method()));
    Json http = nested("request", std::move(request));
    http.set("response",
             nested("status_code", Json::number(static_cast<std::int64_t>(r->headers_out.status))));
    return http;
}

std::string line_of(const EventLog& log, const Inspection& inspection) {
    const ngx_http_request_t* r = inspection.request;
    Json line = Json::object();
    line.set("@timestamp", timestamp());
    line.set("event", event_of(log, inspection));
    line.set("source", nested("ip", Json::string(ngx::view(r->connection->addr_text))));
    // As sent: error_page may have made the request another one since.
    const std::string_view uri = ngx::view(r->unparsed_uri);
    Json url = nested("path", Json::string(bounded(uri.substr(0, uri.find_first_of("?#")))));
    url.set("domain", bounded(ngx::view(r->headers_in.server)));
    line.set("url", std::move(url));
    line.set("http", http_of(inspection));
    if (const ngx_table_elt_t* agent = r->headers_in.user_agent) {
        const bool secret = is_listed(log, "user-agent");
        line.set("user_agent",
                 nested("original", Json::string(secret ? std::string_view(kRedacted)
                                                        : bounded(ngx::view(agent->value)))));
    }
    line.set("rules", rules_of(log, inspection));
    line.set("score", Json::number(inspection.score()));
    return line.dump(JSON_COMPACT);
}

}  // namespace

KeptMatch keep(const Match& match) {
    std::vector<std::string> tags;
    for (const std::string_view tag : match.tags.first(std::min(match.tags.size(), kMaxTags))) {
        tags.emplace_back(bounded(tag));
    }
    return {match.id,
            match.phase,
            match.severity,
            match.disruptive,
            std::string(bounded(match.message)),
            std::string(bounded(match.data)),
            std::string(bounded(match.variable)),
            std::string(match.file),
            match.line,
            std::move(tags)};
}

void write_event(const EventLog& log, const Inspection& inspection) {
    if (log.target.is_on()) {
        log.target.write(line_of(log, inspection), inspection.request->connection->log);
    }
}

}  // namespace gatehouse::waf
