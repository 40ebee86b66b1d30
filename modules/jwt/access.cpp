#include "jwt/context.hpp"
#include "jwt/key_source.hpp"
#include "jwt/worker.hpp"

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
    const FoundToken found = carried_token(r, state, source);
    if (conf.strip && state.stripped_source != source && !found.text.empty()) {
        remove_token(r, source);
        state.stripped_source = source;
        state.stripped = found;
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
            const auto* value =
                ngx_http_get_flushed_variable(r, static_cast<ngx_uint_t>(rule.variable));
            if (value == nullptr || value->not_found != 0) {
                return failure;
            }
            expected = {reinterpret_cast<const char*>(value->data), value->len};
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

Decision verify(ngx_http_request_t* r, RequestState& state, const Pending& pending) {
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
    return check_values(r, conf);
}

Decision decide(ngx_http_request_t* r, RequestState& state, const LocConf& conf) {
    if (!state.pending) {
        withdraw_challenge(state);
        state.verified = nullptr;
        state.status = Status::none;
        if (const Error error = read_request(r, state, conf); error != Error::none) {
            return Decision::reject(error);
        }
        state.pending = Pending{.conf = &conf, .token = state.current};
    }
    Pending& pending = *state.pending;
    if (conf.policy.validate_signature) {
        std::string problem;
        switch (gather_keys(r, state, pending, problem)) {
        case KeysReady::later:
            return Decision::wait();
        case KeysReady::failed:
            return Decision::fail(std::move(problem));
        case KeysReady::yes:
            break;
        }
    }
    return verify(r, state, pending);
}

ngx_int_t refuse(ngx_http_request_t* r, RequestState& state, const LocConf& conf,
                 std::string_view realm, const Decision& decision) {
    state.verified = nullptr;
    state.status = conf.dry_run ? Status::rejected_dry_run : Status::rejected;
    if (decision.kind == Decision::Kind::fail) {
        ngx::log(NGX_LOG_ERR, r->connection->log, "auth_jwt: ", decision.problem);
    } else {
        ngx::log(conf.log_level, r->connection->log,
                 conf.dry_run ? "auth_jwt: rejected, dry run: " : "auth_jwt: rejected: ",
                 describe(decision.reason));
    }
    if (conf.dry_run) {
        return NGX_DECLINED;
    }
    if (decision.kind == Decision::Kind::reject) {
        challenge(r, state, conf, realm, decision.status, decision.reason);
    }
    return decision.status;
}

// `allow` is what lets the request go on in the phase that this is.
ngx_int_t authenticate(ngx_http_request_t* r, const LocConf& conf, ngx_int_t allow) {
    const std::string_view realm = ngx::evaluate(r, conf.authentication.realm);
    if (realm == "off") {
        return NGX_DECLINED;
    }
    RequestState& state = RequestContext::obtain(r);
    if (state.pending && state.pending->conf != &conf) {
        state.pending.reset();
    }
    const Decision decision = decide(r, state, conf);
    if (decision.kind == Decision::Kind::wait) {
        return NGX_AGAIN;
    }
    state.pending.reset();
    if (decision.kind != Decision::Kind::pass) {
        return refuse(r, state, conf, realm, decision);
    }
    state.status = Status::passed;
    return allow;
}

// Subrequests belong to a request that was judged; the access phase skips them on its own.
bool concerns(const ngx_http_request_t* r, const LocConf& conf, Phase phase) noexcept {
    return r == r->main && conf.phase == phase && conf.authentication.mode == Mode::enforced;
}

}  // namespace

FoundToken carried_token(ngx_http_request_t* r, const RequestState& state,
                         const TokenSource& source) {
    return state.stripped_source == source ? state.stripped : find_token(r, source);
}

Error read_token(RequestState& state, std::string_view text, const TokenLimits& limits) {
    // Another place may have read it under more generous limits.
    if (state.current && state.current->text() == text && state.current->limits() == limits) {
        return Error::none;
    }
    auto token = Token::parse(text, limits, worker().headers);
    if (!token) {
        return token.error();
    }
    state.current = std::make_shared<Token>(std::move(*token));
    return Error::none;
}

ngx_int_t preaccess(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    // NGX_OK would skip the rest of the phase, and with it the limits that follow.
    return concerns(r, conf, Phase::preaccess) ? authenticate(r, conf, NGX_DECLINED) : NGX_DECLINED;
}

ngx_int_t access(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    return concerns(r, conf, Phase::access) ? authenticate(r, conf, NGX_OK) : NGX_DECLINED;
}

}  // namespace gatehouse::jwt
