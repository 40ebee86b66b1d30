#include "jwt/verification.hpp"

#include "jwt/key_source.hpp"
#include "jwt/warnings.hpp"

namespace gatehouse::jwt {
namespace {

NumericDate now() noexcept {
    const ngx_time_t* time = ngx_timeofday();
    return static_cast<NumericDate>(time->sec) + static_cast<NumericDate>(time->msec) / 1000;
}

// For as long as a verification evaluates variables: one of them may ask for its result.
class Verifying {
  public:
    explicit Verifying(RequestState& state) noexcept : state_(state) { state_.verifying = true; }
    Verifying(const Verifying&) = delete;
    Verifying& operator=(const Verifying&) = delete;
    ~Verifying() { state_.verifying = false; }

  private:
    RequestState& state_;
};

// Keys are not fetched for an issuer that is not accepted anyway.
Error check_early_claims(Token& token, const LocConf& conf) {
    if (!conf.policy.validate_signature || conf.policy.issuers.empty() || !finds_keys_late(conf)) {
        return Error::none;
    }
    const Error error = token.load_claims();
    return error != Error::none ? error : check_issuer(token, conf.policy);
}

// Everything up to the keys. Error::none: state.current is the token to verify.
Error read_request(RequestState& state, const LocConf& conf, const FoundToken& found) {
    if (found.text.empty()) {
        return Error::token_missing;
    }
    if (found.differing) {
        return Error::tokens_differ;
    }
    Error error = read_token(state, found.text, conf.policy.limits);
    if (error == Error::none) {
        error = check_header(*state.current, conf.policy);
    }
    return error == Error::none ? check_early_claims(*state.current, conf) : error;
}

bool has_keys(const Pending& pending) noexcept {
    return !pending.conf->static_sets.empty() || !pending.fetched.empty();
}

Error verify_signature(const Pending& pending) {
    const LocConf& conf = *pending.conf;
    if (pending.fetched.empty()) {
        return check_signature(*pending.token, conf.policy, conf.static_sets);
    }
    std::vector<const KeySet*> sets = conf.static_sets;
    for (const KeySetPtr& keys : pending.fetched) {
        sets.push_back(keys.get());
    }
    return check_signature(*pending.token, conf.policy, sets);
}

bool is_proof_for(const std::optional<Proof>& proof, const LocConf& conf,
                  const std::shared_ptr<Token>& token) noexcept {
    return proof && proof->conf == &conf && proof->token == token;
}

Finding check_token(Token& token, const LocConf& conf) {
    const Error error = token.load_claims();
    return error == Error::none ? check_claims(token, conf.policy, now()) : Finding(error);
}

// Nothing: it cannot be had. An empty string expects nothing.
std::optional<std::string_view> expected_value(ngx_http_request_t* r, const RuleText& rule) {
    if (rule.text != nullptr) {
        return ngx::evaluate(r, rule.text);
    }
    return rule.variable == NGX_CONF_UNSET ? std::string_view()
                                           : ngx::variable_value(r, rule.variable);
}

Finding describe_failure(const Rule& rule, const json_t* root, Error failure) {
    const bool found = rule.requirement.finds(root);
    const RuleText& written = *rule.written;
    return {failure, quoted(written.name) + " " + (found ? written.operator_name : "is missing")};
}

Decision check_rules(ngx_http_request_t* r, const std::vector<Rule>& rules, const json_t* root,
                     Error failure) {
    for (const Rule& rule : rules) {
        const auto expected = expected_value(r, *rule.written);
        if (!expected || !rule.requirement.met_by(root, *expected)) {
            return Decision::reject(describe_failure(rule, root, failure), rule.written->status);
        }
    }
    return Decision::pass();
}

// Those that depend on the token alone.
bool meets_literals(const std::vector<Rule>& rules, const json_t* root) {
    return std::ranges::all_of(rules, [&](const Rule& rule) {
        return rule.requirement.is_dynamic() || rule.requirement.met_by(root, {});
    });
}

Decision check_values(ngx_http_request_t* r, const LocConf& conf) {
    for (const ValueRequirement& requirement : conf.declared.values) {
        for (ngx_http_complex_value_t* value : requirement.values) {
            const std::string_view text = ngx::evaluate(r, value);
            if (text.empty() || text == "0") {
                return Decision::reject({Error::value_requirement, quoted(ngx::view(value->value))},
                                        requirement.status);
            }
        }
    }
    return Decision::pass();
}

Decision judge(ngx_http_request_t* r, RequestState& state, const LocConf& conf,
               const std::shared_ptr<Token>& token) {
    if (Finding finding = check_token(*token, conf); finding != Error::none) {
        return Decision::reject(std::move(finding));
    }
    Decision rules = check_rules(r, conf.claim_rules, token->claims(), Error::claim_requirement);
    if (rules.kind == Decision::Kind::pass) {
        rules = check_rules(r, conf.header_rules, token->header(), Error::header_requirement);
    }
    if (rules.kind != Decision::Kind::pass) {
        return rules;
    }
    if (conf.policy.validate_signature) {
        // From here on $jwt_verified_claim_* is what was decided, for the values of
        // auth_jwt_require as well.
        state.verified = token;
    }
    state.accepted = token;
    state.decided_for = &conf;
    state.status = Status::passed;
    return check_values(r, conf);
}

// A pass: state.proof is about pending.token.
Decision prove(ngx_http_request_t* r, RequestState& state, Pending& pending) {
    const LocConf& conf = *pending.conf;
    if (is_proof_for(state.proof, conf, pending.token)) {
        return Decision::pass();
    }
    Gathering gathering = gather_keys(r, state, pending);
    switch (gathering.state) {
    case Gathering::State::waiting:
        return Decision::wait();
    case Gathering::State::failed:
        return Decision::fail(Error::keys_unavailable, std::move(gathering.problem));
    case Gathering::State::ready:
        break;
    }
    if (!has_keys(pending) && finds_keys_late(conf)) {
        return Decision::reject({Error::no_matching_key, "there is no source of keys for it"});
    }
    state.proof = Proof{&conf, pending.token, verify_signature(pending)};
    return Decision::pass();
}

// Whether the token's signature is known, or can be verified without waiting.
bool prove_at_hand(ngx_http_request_t* r, RequestState& state, const LocConf& conf) {
    if (is_proof_for(state.proof, conf, state.current)) {
        return true;
    }
    Pending pending{.conf = &conf, .token = state.current};
    const AtHand keys = gather_keys_at_hand(r, pending);
    if (keys == AtHand::must_fetch) {
        warn_once(r, conf, Warning::read_before_keys);
    }
    if (keys != AtHand::yes || !has_keys(pending)) {
        return false;
    }
    state.proof = Proof{&conf, pending.token, verify_signature(pending)};
    return true;
}

std::shared_ptr<Token> verify_before_decision(ngx_http_request_t* r, RequestState& state,
                                              const LocConf& conf) {
    const Verifying verifying(state);
    const FoundToken found = carried_token(r, conf.authentication.source);
    if (ngx::evaluate(r, conf.authentication.realm) == "off" ||
        read_request(state, conf, found) != Error::none || !prove_at_hand(r, state, conf)) {
        return nullptr;
    }
    const std::shared_ptr<Token> token = state.proof->token;
    const bool holds = state.proof->error == Error::none &&
                       check_token(*token, conf) == Error::none &&
                       meets_literals(conf.claim_rules, token->claims()) &&
                       meets_literals(conf.header_rules, token->header());
    return holds ? token : nullptr;
}

// The response has begun: what was not verified until now is not worth the work, least of all for
// the log line of a request that a limit has refused.
bool is_answered(const ngx_http_request_t* r) noexcept { return r->main->headers_out.status != 0; }

}  // namespace

Decision Decision::reject(Finding finding) {
    switch (finding.error) {
    case Error::insufficient_scope:
        return reject(std::move(finding), NGX_HTTP_FORBIDDEN);
    case Error::tokens_differ:
        return reject(std::move(finding), NGX_HTTP_BAD_REQUEST);
    case Error::internal:
        return fail(finding, std::string(describe(finding.error)));
    default:
        return reject(std::move(finding), NGX_HTTP_UNAUTHORIZED);
    }
}

Decision Decision::reject(Finding finding, ngx_int_t status) {
    return {Kind::reject, std::move(finding), status};
}

Decision Decision::fail(Error reason, std::string problem) {
    return {Kind::fail, {reason, std::move(problem)}, NGX_HTTP_INTERNAL_SERVER_ERROR};
}

Decision decide(ngx_http_request_t* r, RequestState& state, const LocConf& conf) {
    const Verifying verifying(state);
    if (!state.pending) {
        const FoundToken found = carried_token(r, conf.authentication.source);
        if (conf.strip && !conf.dry_run) {
            strip_token(r, state, conf.authentication.source, found);
        }
        if (const Error error = read_request(state, conf, found); error != Error::none) {
            return Decision::reject(error);
        }
        state.pending = Pending{.conf = &conf, .token = state.current};
    }
    const std::shared_ptr<Token> token = state.pending->token;
    if (conf.policy.validate_signature) {
        if (Decision decision = prove(r, state, *state.pending);
            decision.kind != Decision::Kind::pass) {
            return decision;
        }
        if (const Error error = state.proof->error; error != Error::none) {
            return Decision::reject(error);
        }
    }
    return judge(r, state, conf, token);
}

std::shared_ptr<Token> proven_token(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    const bool enforced = conf.authentication.mode == Mode::enforced;
    const bool to_be_decided = enforced && (conf.phase == Phase::preaccess || r == r->main);
    if (const RequestState* decided = nearest_decision(r)) {
        if (!to_be_decided || decided->decided_for == &conf || is_answered(r)) {
            return decided->verified;
        }
    }
    if (!enforced || !conf.policy.validate_signature || is_answered(r) || fetches_keys(r)) {
        return nullptr;
    }
    RequestState& state = RequestContext::obtain(r);
    return state.verifying || state.pending ? nullptr : verify_before_decision(r, state, conf);
}

}  // namespace gatehouse::jwt
