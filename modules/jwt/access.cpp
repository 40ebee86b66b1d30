#include "jwt/access.hpp"

#include "jwt/challenge.hpp"
#include "jwt/context.hpp"
#include "jwt/key_source.hpp"

namespace gatehouse::jwt {
namespace {

// What becomes of a request.
struct Decision {
    enum class Kind : std::uint8_t { pass, reject, fail, wait };
    Kind kind;
    Error reason = Error::none;
    ngx_int_t status = 0;
    std::string problem{};  // of a failure

    static Decision pass() { return {Kind::pass}; }
    static Decision wait() { return {Kind::wait}; }
    static Decision reject(Error reason) {
        switch (reason) {
        case Error::insufficient_scope:
            return {Kind::reject, reason, NGX_HTTP_FORBIDDEN};
        case Error::tokens_differ:
            return {Kind::reject, reason, NGX_HTTP_BAD_REQUEST};
        case Error::internal:
            return fail(std::string(describe(reason)));
        default:
            return {Kind::reject, reason, NGX_HTTP_UNAUTHORIZED};
        }
    }
    static Decision reject(Error reason, ngx_int_t status) {
        return {Kind::reject, reason, status};
    }
    // The operator's fault: closed, and loud.
    static Decision fail(std::string problem) {
        return {Kind::fail, Error::internal, NGX_HTTP_INTERNAL_SERVER_ERROR, std::move(problem)};
    }
};

NumericDate now() noexcept {
    const ngx_time_t* time = ngx_timeofday();
    return static_cast<NumericDate>(time->sec) + static_cast<NumericDate>(time->msec) / 1000;
}

// Everything up to the keys. Error::none: state.current is the token to verify.
Error read_request(ngx_http_request_t* r, RequestState& state, const LocConf& conf) {
    const TokenSource& source = conf.authentication.source;
    const FoundToken found = carried_token(r, source);
    if (conf.strip && !conf.dry_run) {
        strip_token(r, state, source, found);
    }
    if (found.text.empty()) {
        return Error::token_missing;
    }
    if (found.differing) {
        return Error::tokens_differ;
    }
    if (const Error error = read_token(state, found.text, conf.policy.limits);
        error != Error::none) {
        return error;
    }
    return check_header(*state.current, conf.policy);
}

Error check_rules(ngx_http_request_t* r, const std::vector<Rule>& rules, const json_t* root,
                  Error failure) {
    for (const Rule& rule : rules) {
        std::string_view expected;
        if (rule.requirement.is_dynamic()) {
            const auto value = ngx::variable_value(r, rule.variable);
            if (!value) {
                return failure;
            }
            expected = *value;
        }
        if (!rule.requirement.met_by(root, expected)) {
            return failure;
        }
    }
    return Error::none;
}

Decision check_values(ngx_http_request_t* r, const LocConf& conf) {
    for (const ValueRequirement& requirement : conf.declared.values) {
        for (ngx_http_complex_value_t* value : requirement.values) {
            const std::string_view text = ngx::evaluate(r, value);
            if (text.empty() || text == "0") {
                return Decision::reject(Error::value_requirement, requirement.status);
            }
        }
    }
    return Decision::pass();
}

Error verify_signature(const Pending& pending) {
    const LocConf& conf = *pending.conf;
    if (!conf.policy.validate_signature) {
        return Error::none;
    }
    if (pending.fetched.empty()) {
        return check_signature(*pending.token, conf.policy, conf.static_sets);
    }
    std::vector<const KeySet*> sets = conf.static_sets;
    for (const KeySetPtr& keys : pending.fetched) {
        sets.push_back(keys.get());
    }
    return check_signature(*pending.token, conf.policy, sets);
}

Decision verify_pending(ngx_http_request_t* r, RequestState& state, const Pending& pending) {
    const LocConf& conf = *pending.conf;
    Token& token = *pending.token;
    if (const Error error = verify_signature(pending); error != Error::none) {
        return Decision::reject(error);
    }
    Error error = token.load_claims();
    if (error == Error::none) {
        error = check_claims(token, conf.policy, now());
    }
    if (error == Error::none) {
        error = check_rules(r, conf.claim_rules, token.claims(), Error::claim_requirement);
    }
    if (error == Error::none) {
        error = check_rules(r, conf.header_rules, token.header(), Error::header_requirement);
    }
    if (error != Error::none) {
        return Decision::reject(error);
    }
    if (conf.policy.validate_signature) {
        // From here on $jwt_verified_claim_* may be read, by the values of auth_jwt_require as
        // well.
        state.verified = pending.token;
    }
    state.accepted = pending.token;
    state.decided_for = &conf;
    state.status = Status::passed;
    return check_values(r, conf);
}

Decision decide(ngx_http_request_t* r, RequestState& state, const LocConf& conf) {
    if (!state.pending) {
        if (const Error error = read_request(r, state, conf); error != Error::none) {
            return Decision::reject(error);
        }
        state.pending = Pending{.conf = &conf, .token = state.current};
    }
    if (conf.policy.validate_signature) {
        Gathering gathering = gather_keys(r, state, *state.pending);
        switch (gathering.state) {
        case Gathering::State::waiting:
            return Decision::wait();
        case Gathering::State::failed:
            return Decision::fail(std::move(gathering.problem));
        case Gathering::State::ready:
            break;
        }
    }
    return verify_pending(r, state, *state.pending);
}

void forget_decision(ngx_http_request_t* r, RequestState& state) noexcept {
    if (state.refused_with != 0) {
        withdraw_challenge(r);
    }
    state.pending.reset();
    state.accepted = nullptr;
    state.verified = nullptr;
    state.decided_for = nullptr;
    state.status = Status::none;
    state.withheld.reset();
    state.refused_with = 0;
}

void log_refusal(ngx_http_request_t* r, const LocConf& conf, const Decision& decision) noexcept {
    if (decision.kind == Decision::Kind::fail) {
        ngx::log(NGX_LOG_ERR, r->connection->log, "auth_jwt: ", decision.problem);
        return;
    }
    ngx::log(conf.log_level, r->connection->log,
             conf.dry_run ? "auth_jwt: rejected, dry run: " : "auth_jwt: rejected: ",
             describe(decision.reason));
}

// What the phase handler returns.
ngx_int_t answer(ngx_http_request_t* r, RequestState& state, const LocConf& conf,
                 const Refusal& refusal) {
    state.refused_with = static_cast<ngx_uint_t>(refusal.status);
    if (refusal.reason != Error::internal) {
        challenge(r, conf, refusal.realm, refusal.status, refusal.reason);
    }
    return refusal.status;
}

ngx_int_t refuse(ngx_http_request_t* r, RequestState& state, const LocConf& conf,
                 std::string_view realm, const Decision& decision) {
    state.accepted = nullptr;
    state.verified = nullptr;
    state.status = conf.dry_run ? Status::rejected_dry_run : Status::rejected;
    log_refusal(r, conf, decision);
    if (conf.dry_run) {
        return NGX_DECLINED;
    }
    const Refusal refusal{decision.status, decision.reason, realm};
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

// The location that keys come from may have inherited auth_jwt.
bool fetches_keys(const ngx_http_request_t* r) noexcept {
    for (; r != nullptr; r = r->parent) {
        if (ngx::is_own_subrequest(r)) {
            return true;
        }
    }
    return false;
}

}  // namespace

// The first of all in PREACCESS: what is proven here, limits may be keyed on.
ngx_int_t verify(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    if (!concerns(conf, Phase::preaccess) || fetches_keys(r)) {
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
