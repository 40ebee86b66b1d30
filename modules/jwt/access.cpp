#include "jwt/access.hpp"

#include "jwt/challenge.hpp"
#include "jwt/verification.hpp"
#include "jwt/warnings.hpp"

namespace gatehouse::jwt {
namespace {

void forget_decision(ngx_http_request_t* r, RequestState& state) noexcept {
    if (state.refused_with != 0) {
        withdraw_challenge(r);
    }
    state.pending.reset();
    state.accepted = nullptr;
    state.verified = nullptr;
    state.decided_for = nullptr;
    state.status = Status::none;
    state.reason = Error::none;
    state.withheld.reset();
    state.refused_with = 0;
}

void log_refusal(ngx_http_request_t* r, const LocConf& conf, const Decision& decision) noexcept {
    if (decision.kind == Decision::Kind::fail) {
        ngx::log(NGX_LOG_ERR, r->connection->log, "auth_jwt: ", decision.finding.about);
        return;
    }
    ngx::log(conf.log_level, r->connection->log,
             conf.dry_run ? "auth_jwt: rejected, dry run: " : "auth_jwt: rejected: ",
             describe(decision.finding));
}

// What the phase handler returns.
ngx_int_t answer(ngx_http_request_t* r, RequestState& state, const LocConf& conf,
                 const Refusal& refusal) {
    state.refused_with = static_cast<ngx_uint_t>(refusal.status);
    if (refusal.status != NGX_HTTP_INTERNAL_SERVER_ERROR) {
        challenge(r, conf, refusal.realm, refusal.status, refusal.reason);
    }
    return refusal.status;
}

ngx_int_t refuse(ngx_http_request_t* r, RequestState& state, const LocConf& conf,
                 std::string_view realm, const Decision& decision) {
    state.accepted = nullptr;
    state.verified = nullptr;
    state.status = conf.dry_run ? Status::rejected_dry_run : Status::rejected;
    state.reason = decision.finding;
    log_refusal(r, conf, decision);
    if (conf.dry_run) {
        return NGX_DECLINED;
    }
    const Refusal refusal{decision.status, decision.finding, realm};
    if (conf.phase == Phase::preaccess) {
        state.withheld = refusal;
        return NGX_DECLINED;
    }
    return answer(r, state, conf, refusal);
}

ngx_int_t conclude(ngx_http_request_t* r, RequestState& state, const LocConf& conf,
                   std::string_view realm, ngx_int_t allow) {
    const Decision decision = decide(r, state, conf);
    if (decision.kind == Decision::Kind::wait) {
        return NGX_AGAIN;
    }
    state.pending.reset();
    state.decided_for = &conf;
    if (decision.kind != Decision::Kind::pass) {
        return refuse(r, state, conf, realm, decision);
    }
    // A dry run lets through, but grants nothing: `satisfy any` must not count it.
    return conf.dry_run ? NGX_DECLINED : allow;
}

// `allow` is what lets the request go on in the phase that this is.
ngx_int_t authenticate(ngx_http_request_t* r, const LocConf& conf, ngx_int_t allow) {
    const std::string_view realm = ngx::evaluate(r, conf.authentication.realm);
    if (realm == "off") {
        return NGX_DECLINED;
    }
    RequestState& state = RequestContext::obtain(r);
    if (!state.pending || state.pending->conf != &conf) {
        forget_decision(r, state);
    }
    try {
        return conclude(r, state, conf, realm, allow);
    } catch (...) {
        forget_decision(r, state);
        throw;
    }
}

bool concerns(const LocConf& conf, Phase phase) noexcept {
    return conf.phase == phase && conf.authentication.mode == Mode::enforced;
}

// nginx leaves ACCESS out for subrequests. That is well if the request was judged, unless the
// location has demands of its own.
bool goes_unchecked(const ngx_http_request_t* r, const LocConf& conf) noexcept {
    return r != r->main && concerns(conf, Phase::access) &&
           (conf.own_demands || nearest_decision(r->parent) == nullptr);
}

}  // namespace

// The first of all in PREACCESS: what is proven here, limits may be keyed on.
ngx_int_t verify(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    if (fetches_keys(r)) {
        return NGX_DECLINED;
    }
    if (goes_unchecked(r, conf)) {
        warn_once(r, conf, Warning::unchecked_subrequest);
    }
    if (!concerns(conf, Phase::preaccess)) {
        return NGX_DECLINED;
    }
    // NGX_OK would skip the rest of the phase, and with it the limits that follow.
    return authenticate(r, conf, NGX_DECLINED);
}

// Behind the limits, so that a token that was refused is counted; and once more before the content,
// since any handler of another module may end PREACCESS before its time.
ngx_int_t enforce(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    if (!concerns(conf, Phase::preaccess) || fetches_keys(r)) {
        return NGX_DECLINED;
    }
    RequestState* state = RequestContext::find(r);
    if (state == nullptr || state->decided_for != &conf) {
        const ngx_int_t result = authenticate(r, conf, NGX_DECLINED);
        if (result != NGX_DECLINED) {
            return result;
        }
        state = RequestContext::find(r);
    }
    if (state == nullptr || !state->withheld) {
        return NGX_DECLINED;
    }
    return answer(r, *state, conf, *std::exchange(state->withheld, std::nullopt));
}

// nginx does not call this for subrequests.
ngx_int_t access(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    return concerns(conf, Phase::access) ? authenticate(r, conf, NGX_OK) : NGX_DECLINED;
}

}  // namespace gatehouse::jwt
