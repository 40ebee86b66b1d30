#include "jwt/context.hpp"

#include "jwt/worker.hpp"

namespace gatehouse::jwt {
namespace {

// Whether nginx is answering with an error, or with the page that is configured for one.
bool is_refused(const ngx_http_request_t* r) noexcept {
    return r->main->err_status != 0 || r->main->error_page;
}

// Whether the claims of anything but the accepted token are out of reach: after it was accepted,
// and after a refusal that did not end the request, because `satisfy any` found another reason to
// go on. A dry run decides nothing.
bool is_settled(const ngx_http_request_t* r, const RequestState& state) noexcept {
    return state.status == Status::passed || (state.status == Status::rejected && !is_refused(r));
}

}  // namespace

const RequestState* nearest_state(ngx_http_request_t* r) noexcept {
    for (; r != nullptr; r = r->parent) {
        if (const RequestState* state = RequestContext::find(r)) {
            return state;
        }
    }
    return nullptr;
}

const RequestState* nearest_decision(ngx_http_request_t* r) noexcept {
    for (; r != nullptr; r = r->parent) {
        const RequestState* state = RequestContext::find(r);
        if (state != nullptr && state->status != Status::none) {
            return state;
        }
    }
    return nullptr;
}

bool fetches_keys(const ngx_http_request_t* r) noexcept {
    for (; r != nullptr; r = r->parent) {
        if (ngx::is_own_subrequest(r)) {
            return true;
        }
    }
    return false;
}

FoundToken carried_token(ngx_http_request_t* r, const TokenSource& source) {
    for (ngx_http_request_t* one = r; one != nullptr; one = one->parent) {
        const RequestState* state = RequestContext::find(one);
        if (state != nullptr && state->stripped_source == source) {
            return state->stripped;
        }
    }
    return find_token(r, source);
}

void strip_token(ngx_http_request_t* r, RequestState& state, const TokenSource& source,
                 const FoundToken& token) {
    if (token.text.empty() || state.stripped_source == source) {
        return;
    }
    remove_token(r, source, token.text);
    state.stripped_source = source;
    state.stripped = token;
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

std::shared_ptr<Token> readable_token(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    if (conf.authentication.mode == Mode::off) {
        const RequestState* state = nearest_state(r);
        if (state == nullptr) {
            return nullptr;
        }
        return is_settled(r, *state) ? state->accepted : state->current;
    }
    RequestState& state = RequestContext::obtain(r);
    if (state.decided_for == &conf && is_settled(r, state)) {
        return state.accepted;
    }
    const FoundToken found = carried_token(r, conf.authentication.source);
    const bool readable = !found.text.empty() && !found.differing &&
                          read_token(state, found.text, conf.policy.limits) == Error::none;
    return readable ? state.current : nullptr;
}

}  // namespace gatehouse::jwt
