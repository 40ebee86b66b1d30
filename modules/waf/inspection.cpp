#include "waf/inspection.hpp"

#include <algorithm>
#include <array>

#include "ngx/log.hpp"
#include "waf/request_values.hpp"

namespace gatehouse::waf {
namespace {

constexpr std::size_t kMaxMatches = 256;

// Of the rules that are too late to block anything.
constexpr int kLoggingPhase = 5;

// What the engine tells rules of a body that it could not read.
bool is_of_body(std::string_view variable) noexcept {
    constexpr std::array<std::string_view, 4> kFlags{"REQBODY_", "MULTIPART_", "INBOUND_DATA_",
                                                     "URLENCODED_"};
    return std::any_of(kFlags.begin(), kFlags.end(),
                       [&](std::string_view flag) { return variable.starts_with(flag); });
}

// A limit of the body refuses, and an audit log has all requests, without any rule.
bool has_effect(const RuleSet& rules) noexcept {
    return rules.mode() != Mode::off &&
           (rules.rules() > 0 || rules.heeds_response() || rules.request_body_limit() > 0);
}

bool reads_more(const BodyAccess& here, const BodyAccess& before) noexcept {
    return here.allowed && (!before.allowed || here.most_given(0) > before.most_given(0));
}

// What earlier transactions of the request have left.
Limits limits_left(Limits limits, std::chrono::microseconds spent) noexcept {
    using std::chrono::milliseconds;
    if (limits.time.count() > 0) {
        limits.time = std::max(limits.time - std::chrono::duration_cast<milliseconds>(spent),
                               milliseconds(1));
    }
    return limits;
}

}  // namespace

const RuleLogs& Inspection::logs() const noexcept {
    return static_cast<const MainConf*>(
               ngx_http_get_module_main_conf(request, ngx_http_gatehouse_waf_module))
        ->logs;
}

bool Inspection::is_due(const LocConf& place) {
    const Enabled enabled = enabled_for(request, place);
    if (refused_ || enabled == Enabled::off || !has_effect(*place.rules)) {
        return false;
    }
    const bool enforces = enabled == Enabled::on && !is_dry_run(request, place);
    if (place.rules == rules_in_use_ && (enforces_ || !enforces) &&
        !(body_done && reads_more(place.request_body, conf->request_body))) {
        conf = &place;
        return false;
    }
    if (place.bypass.holds_for(request)) {
        status_ = status_ == Status::none ? Status::bypassed : status_;
        return false;
    }
    enforces_ = enforces;
    return true;
}

void Inspection::begin(const LocConf& place) {
    log();
    conf = &place;
    rules_in_use_ = place.rules;
    body_done = response_seen = false;
    request_octets_ = response_octets_ = 0;
    earlier_matches_ = matches_.size();
    noticed_ = given_up_ = would_block_ = false;
    id_ = transaction_id(request, place);
    if (method_.empty()) {
        method_ = ngx::view(request->method_name);
    }
    logs().follow();
    transaction_ = engine().begin(rules_in_use_, id_, *this);
    if (transaction_ == nullptr) {
        broken();
        return;
    }
    if (status_ == Status::none || status_ == Status::bypassed) {
        status_ = Status::passed;
    }
    transaction_->limit(limits_left(place.limits, spent_));
    if (!enforces_) {
        transaction_->detect_only();
    }
}

void Inspection::matched(const Match& match) noexcept {
    noticed_ = true;
    would_block_ = would_block_ || (match.blocks && match.phase < kLoggingPhase);
    try {
        if (matches_.size() < kMaxMatches) {
            matches_.push_back(keep(match));
        }
        if (status_ == Status::passed) {
            status_ = Status::detected;
        }
        // Of the rule that brings the intervention settle() has the line.
        if (conf->error_log && !match.disruptive) {
            ngx::log(NGX_LOG_INFO, request->connection->log, ngx::printable(match.text), "");
        }
    } catch (const std::bad_alloc&) {
        ngx::log_exception(request->connection->log);
    }
}

// The engine is not to be asked again: what it would say is not known.
Verdict Inspection::broken() {
    transaction_.reset();
    status_ = Status::error;
    const bool passes = conf->on_error == OnError::pass;
    ngx::log(NGX_LOG_ERR, request->connection->log, "the rule engine has failed, request ",
             passes ? "passed on" : "denied");
    if (passes) {
        return Verdict::go_on;
    }
    refused_ = true;
    refusal_status_ = NGX_HTTP_INTERNAL_SERVER_ERROR;
    return Verdict::refuse;
}

// Nobody knows what the rules would say of the request as it is.
Verdict Inspection::uninspected(std::string_view what, std::string reason, ngx_int_t status) {
    const bool enforced = transaction_->enforces();
    const bool passes = !enforced || conf->on_error == OnError::pass;
    ngx::log(passes ? NGX_LOG_WARN : NGX_LOG_ERR, request->connection->log, reason,
             std::string(": ").append(what).append(passes ? ", passed on" : ", denied"));
    reason_ = std::move(reason);
    noticed_ = true;
    if (passes) {
        status_ = enforced ? Status::error : Status::detected;
        would_block_ = would_block_ || !enforced;
        return Verdict::go_on;
    }
    refused_ = true;
    status_ = Status::blocked;
    refusal_status_ = static_cast<ngx_int_t>(conf->status.value_or(status));
    return Verdict::refuse;
}

Verdict Inspection::exceeded() {
    const Verdict verdict =
        uninspected("a limit of modsecurity_limits is exceeded",
                    describe(transaction_->excess(), conf->limits), NGX_HTTP_FORBIDDEN);
    given_up_ = verdict == Verdict::go_on;
    return verdict;
}

Verdict Inspection::settle(Transaction::Step step) {
    switch (step) {
    case Transaction::Step::pass:
        note_limit();
        return Verdict::go_on;
    case Transaction::Step::failed:
        return broken();
    case Transaction::Step::exceeded:
        return exceeded();
    case Transaction::Step::intervene:
        break;
    }
    const Intervention& wanted = transaction_->intervention();
    refused_ = true;
    status_ = Status::blocked;
    refusal_status_ = wanted.close ? NGX_HTTP_CLOSE : wanted.status;
    reason_ = reason_of_refusal();
    if (conf->error_log) {
        ngx::log(NGX_LOG_ERR, request->connection->log,
                 wanted.log.empty() ? "(no log message was specified)" : ngx::printable(wanted.log),
                 "");
    }
    if (!wanted.url.empty()) {
        location_ = wanted.url;
    } else if (conf->status && !wanted.close) {
        refusal_status_ = static_cast<ngx_int_t>(*conf->status);
    }
    return Verdict::refuse;
}

// A limit that refuses does so without a rule, and where nothing is refused nobody else tells.
void Inspection::note_limit() {
    const std::string_view limit = transaction_->limit_error();
    if (limit.empty() || !reason_.empty()) {
        return;
    }
    reason_ = limit;
    noticed_ = would_block_ = true;
    status_ = status_ == Status::passed ? Status::detected : status_;
}

// Rules say why themselves, but those that are silent, or know no more than a flag.
std::string Inspection::reason_of_refusal() const {
    const auto matches = own_matches();
    const auto rule = std::find_if(matches.rbegin(), matches.rend(),
                                   [](const KeptMatch& match) { return match.disruptive; });
    if (rule != matches.rend()) {
        return reason_of_match();
    }
    const std::string_view limit = transaction_->limit_error();
    return limit.empty() ? transaction_->body_error() : std::string(limit);
}

std::string Inspection::reason_of_match() const {
    const auto matches = own_matches();
    const bool of_body = std::any_of(matches.begin(), matches.end(), [](const KeptMatch& match) {
        return is_of_body(match.variable);
    });
    return of_body ? transaction_->body_error() : std::string();
}

ngx_int_t Inspection::refusal() {
    if (!location_.empty()) {
        set_location(request, location_);
    }
    return refusal_status_;
}

Verdict Inspection::request_headers() {
    if (!active()) {
        return refused_ ? Verdict::refuse : Verdict::go_on;
    }
    ngx_connection_t* c = request->connection;
    const Ends ends = ends_of(c);
    Verdict verdict = settle(
        transaction_->connection(ends.client, ends.client_port, ends.server, ends.server_port));
    if (verdict == Verdict::go_on && active()) {
        const Target target(ngx::view(request->unparsed_uri));
        target_doubt_ = target.doubt();
        verdict =
            settle(transaction_->uri(target, ngx::view(request->method_name), version_of(request)));
    }
    if (verdict == Verdict::go_on && active()) {
        verdict = settle(add_request_headers());
    }
    if (verdict == Verdict::go_on && active()) {
        verdict = settle(transaction_->request_headers());
    }
    return verdict;
}

Transaction::Step Inspection::add_request_headers() {
    using Step = Transaction::Step;
    Step step = Step::pass;
    const std::string_view server = ngx::view(request->headers_in.server);
    bool has_host = server.empty();
    body_view_ = {};
    ngx::for_each_header(request->headers_in.headers, [&](const ngx_table_elt_t& line) {
        const std::string_view name = ngx::view(line.key);
        const std::string_view value = field_value(ngx::view(line.value));
        has_host = has_host || (ngx::is_named(line, "host") && same_text(host_of(value), server));
        body_view_.field(name, value);
        if (step == Step::pass) {
            step = transaction_->request_header(name, value);
        }
    });
    // HTTP/2 and HTTP/3 have a pseudo field for it (RFC 9113 section 8.3.1), and a target in
    // absolute form has a host that holds instead of that of the field (RFC 9112 section 3.2.2).
    if (step == Step::pass && !has_host) {
        step = transaction_->request_header("Host", server);
    }
    return step;
}

std::string_view Inspection::doubt(bool has_body) const {
    if (!target_doubt_.empty()) {
        return target_doubt_;
    }
    if (!has_body || !wants_request_body()) {
        return {};
    }
    return body_view_.doubt().empty() ? transaction_->body_doubt() : body_view_.doubt();
}

Verdict Inspection::doubts(bool has_body) {
    const std::string_view reason = doubt(has_body);
    return !active() || reason.empty()
               ? Verdict::go_on
               : uninspected("the upstream may read the request otherwise than the rules",
                             std::string(reason), NGX_HTTP_BAD_REQUEST);
}

bool Inspection::wants_request_body() const noexcept {
    return active() && conf->request_body.allowed && transaction_->reads_request_body();
}

std::uint64_t Inspection::most_of_request() const noexcept {
    return conf->request_body.most_given(rules_in_use_->request_body_limit());
}

Verdict Inspection::unreadable() {
    ngx::log(NGX_LOG_ERR, request->connection->log, "the request body cannot be read again", "");
    return active() ? broken() : Verdict::go_on;
}

Verdict Inspection::append_request_body(std::string_view octets) {
    if (!active()) {
        return Verdict::go_on;
    }
    const std::uint64_t most = most_of_request();
    octets = octets.substr(0, most - std::min(most, request_octets_));
    request_octets_ += octets.size();
    return octets.empty() ? Verdict::go_on : settle(transaction_->append_request_body(octets));
}

Verdict Inspection::request_body() {
    body_done = true;
    return active() ? settle(transaction_->request_body()) : Verdict::go_on;
}

void Inspection::log() {
    if (transaction_ == nullptr) {
        return;
    }
    if (reason_.empty()) {
        reason_ = reason_of_match();
    }
    logs().follow();
    score_ = transaction_->score();
    spent_ += transaction_->spent();
    if (rules_in_use_->heeds_response() &&
        transaction_->logging(response_status(request)) == Transaction::Step::failed) {
        ngx::log(NGX_LOG_ERR, request->connection->log, "the rule engine has failed to log", "");
    }
    if (!transaction_->log_problem().empty()) {
        ngx::log(NGX_LOG_ERR, request->connection->log,
                 "the audit log lacks transaction " + id_ + ": ",
                 ngx::printable(transaction_->log_problem()));
    }
    transaction_.reset();
    if (noticed_ || refused_) {
        write_event(conf->event_log, *this);
    }
}

}  // namespace gatehouse::waf
