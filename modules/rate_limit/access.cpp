#include "rate_limit/access.hpp"

#include <string>

#include "rate_limit/context.hpp"
#include "rate_limit/core/header_fields.hpp"
#include "rate_limit/request_values.hpp"

namespace gatehouse::rate_limit {
namespace {

// Seconds, rounded up.
std::string seconds(std::int64_t microseconds) {
    return std::to_string(whole_seconds(microseconds)) + "s";
}

std::string dry_run_words(const LocConf& conf) { return conf.dry_run ? ", dry run" : ""; }

bool is_logged(const ngx_http_request_t* r, ngx_uint_t level) noexcept {
    return r->connection->log->log_level >= level;
}

void log_refusal(ngx_http_request_t* r, const LocConf& conf, const Outcome& outcome) {
    if (!is_logged(r, conf.log_level)) {
        return;
    }
    std::string text =
        "limiting requests" + dry_run_words(conf) + " by zone \"" + outcome.zone->name + "\"";
    text += outcome.known ? ", retry after " + seconds(outcome.verdict.reset)
                          : ", redis \"" + outcome.zone->redis_name + "\" is not available";
    ngx::log(conf.log_level, r->connection->log, text, "");
}

// As limit_req: a delay is logged one level below a refusal.
void log_delay(ngx_http_request_t* r, const LocConf& conf, const Outcome& outcome) {
    const ngx_uint_t level = conf.log_level == NGX_LOG_INFO ? NGX_LOG_INFO : conf.log_level + 1;
    if (!is_logged(r, level)) {
        return;
    }
    const std::string text = "delaying request" + dry_run_words(conf) + " by zone \"" +
                             outcome.zone->name + "\" for " +
                             std::to_string((outcome.delay + 999) / 1000) + "ms";
    ngx::log(level, r->connection->log, text, "");
}

// The write event while a request is delayed; nginx clears `delayed` when the timer ends.
void go_on_after_delay(ngx_http_request_t* r) {
    ngx_event_t* write = r->connection->write;
    if (write->delayed) {
        if (ngx_handle_write_event(write, 0) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        }
        return;
    }
    ngx::resume(r);
}

ngx_int_t delay(ngx_http_request_t* r, const Outcome& outcome) {
    const ngx_int_t result = ngx::suspend(r, ngx::guard<ngx::OnThrow::nothing, go_on_after_delay>);
    if (result == NGX_AGAIN) {
        r->connection->write->delayed = 1;
        ngx_add_timer(r->connection->write, static_cast<ngx_msec_t>((outcome.delay + 999) / 1000));
    }
    return result;
}

ngx_int_t pass(ngx_http_request_t* r, const LocConf& conf, RequestState& state) {
    if (state.outcome.delay <= 0) {
        state.status = Status::passed;
        return NGX_DECLINED;
    }
    log_delay(r, conf, state.outcome);
    if (conf.dry_run) {
        state.status = Status::delayed_dry_run;
        return NGX_DECLINED;
    }
    state.status = Status::delayed;
    return delay(r, state.outcome);
}

ngx_int_t refuse(ngx_http_request_t* r, const LocConf& conf, RequestState& state) {
    log_refusal(r, conf, state.outcome);
    if (conf.dry_run) {
        state.status = Status::rejected_dry_run;
        return NGX_DECLINED;
    }
    state.status = Status::rejected;
    // on_error=closed: it is not the client that has done too much.
    state.refused_with = state.outcome.known ? conf.status : NGX_HTTP_SERVICE_UNAVAILABLE;
    return static_cast<ngx_int_t>(state.refused_with);
}

ngx_int_t decide(ngx_http_request_t* r, const LocConf& conf, RequestState& state) {
    if (!state.decision) {
        if (conf.bypass.holds_for(r)) {
            state.status = Status::bypassed;
            return NGX_DECLINED;
        }
        state.decision.emplace(r, conf);
    }
    const Decision::State result = state.decision->advance();
    if (result == Decision::State::waiting) {
        return ngx::suspend(r, ngx_http_request_empty_handler);
    }
    state.outcome = state.decision->outcome();
    state.decision.reset();
    if (state.outcome.zone == nullptr) {
        return NGX_DECLINED;  // all keys are empty: nothing was decided
    }
    state.headers = conf.headers;
    state.retry_after = conf.retry_after;
    return result == Decision::State::passed ? pass(r, conf, state) : refuse(r, conf, state);
}

}  // namespace

ngx_int_t preaccess(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    if (conf.limits.empty() || r != r->main) {
        return NGX_DECLINED;
    }
    RequestState& state = RequestContext::obtain(r);
    // One decision per request of a client, whatever it is redirected to afterwards.
    return state.status == Status::none ? decide(r, conf, state) : NGX_DECLINED;
}

}  // namespace gatehouse::rate_limit
