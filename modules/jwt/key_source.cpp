#include "jwt/key_source.hpp"

#include <utility>

#include "jwt/worker.hpp"
#include "ngx/file.hpp"

namespace gatehouse::jwt {
namespace {

using Problem = std::optional<std::string>;

std::string about(const CacheId& id, std::string_view problem) {
    return describe(id).append(": ").append(problem);
}

std::size_t steps_up(std::string_view path) {
    std::size_t steps = 0;
    ngx::for_each_piece(path, '/', [&](std::string_view piece) { steps += piece == ".." ? 1 : 0; });
    return steps;
}

// A variable in the name comes from the client, mostly from a token that nobody has verified yet.
// It must not lead out of the directory that the configuration names.
bool leads_astray(std::string_view written, std::string_view path) {
    return path.find('\0') != std::string_view::npos || steps_up(path) > steps_up(written);
}

Problem load_file(ngx_http_request_t* r, const KeyFile& file, Pending& pending) {
    const std::string_view path = ngx::evaluate(r, file.path);
    if (path.empty()) {
        return std::nullopt;
    }
    if (leads_astray(ngx::view(file.path->value), path)) {
        return "key file name leads out of its directory";
    }
    const LocConf& conf = *pending.conf;
    const CacheId id{nullptr, ngx::full_name(r, path), file.format, conf.key_limits};
    KeySetPtr keys = worker().keys.fresh(id, conf.key_cache);
    if (!keys) {
        const auto read = ngx::read_file(id.name, conf.key_limits.bytes);
        if (!read.problem.empty()) {
            return "key file: " + read.problem;
        }
        auto stored = worker().keys.store(id, read.content, r->connection->log);
        if (!stored) {
            return about(id, describe_refused(stored.error(), read.content, id.format));
        }
        keys = std::move(*stored);
    }
    pending.fetched.push_back(std::move(keys));
    return std::nullopt;
}

Problem problem_of(const ngx::Answer& answer) {
    if (answer.status != NGX_HTTP_OK) {
        return "status " + std::to_string(answer.status);
    }
    if (answer.encoded) {
        return "response has a Content-Encoding; "
               "set \"proxy_set_header Accept-Encoding identity\"";
    }
    if (answer.too_large) {
        return "response is larger than keys_size of auth_jwt_limits";
    }
    return answer.complete ? std::nullopt : Problem("response is incomplete");
}

Problem take_answer(ngx_http_request_t* r, Pending& pending) {
    ngx::Answer& answer = *std::exchange(pending.answer, nullptr);
    // The request may go on for hours.
    const std::string body = std::exchange(answer.body, {});
    ++pending.next_request;
    Problem problem = problem_of(answer);
    if (!problem) {
        auto stored = worker().keys.store(pending.answer_id, body, r->connection->log);
        if (stored) {
            pending.fetched.push_back(std::move(*stored));
            return std::nullopt;
        }
        problem = describe_refused(stored.error(), body, pending.answer_id.format);
    }
    return about(pending.answer_id, *problem);
}

// Nothing: the subrequest is under way.
Problem start_request(ngx_http_request_t* r, RequestState& state, Pending& pending) {
    pending.answer = &state.answers.emplace_back(pending.conf->key_limits.bytes);
    if (ngx::start_subrequest(r, pending.answer_id.name, *pending.answer)) {
        return std::nullopt;
    }
    return about(pending.answer_id, "could not be started");
}

// What can be had without waiting for it, or for the subrequest that was waited for.
Problem take_available(ngx_http_request_t* r, Pending& pending) {
    if (pending.answer != nullptr) {
        return take_answer(r, pending);
    }
    for (const KeyFile& file : pending.conf->dynamic_files) {
        if (Problem problem = load_file(r, file, pending)) {
            return problem;
        }
    }
    return std::nullopt;
}

// One request after another: mostly there is one, and its keys are cached. False: the next one, in
// pending.answer_id, is to be made.
bool take_cached(ngx_http_request_t* r, Pending& pending) {
    const LocConf& conf = *pending.conf;
    const auto& requests = conf.declared.key_requests;
    for (; pending.next_request < requests.size(); ++pending.next_request) {
        const KeyRequest& request = requests[pending.next_request];
        const std::string_view uri = ngx::evaluate(r, request.uri);
        if (uri.empty()) {
            continue;
        }
        pending.answer_id = {r->srv_conf, std::string(uri), request.format, conf.key_limits};
        KeySetPtr keys = worker().keys.fresh(pending.answer_id, conf.key_cache);
        if (!keys) {
            return false;
        }
        pending.fetched.push_back(std::move(keys));
    }
    return true;
}

}  // namespace

Gathering gather_keys(ngx_http_request_t* r, RequestState& state, Pending& pending) {
    using State = Gathering::State;
    if (pending.answer != nullptr && !pending.answer->finished) {
        return {State::waiting};
    }
    if (Problem problem = take_available(r, pending)) {
        return {State::failed, std::move(*problem)};
    }
    if (take_cached(r, pending)) {
        return {State::ready};
    }
    if (Problem problem = start_request(r, state, pending)) {
        return {State::failed, std::move(*problem)};
    }
    return {State::waiting};
}

AtHand gather_keys_at_hand(ngx_http_request_t* r, Pending& pending) {
    if (take_available(r, pending)) {
        return AtHand::no;
    }
    return take_cached(r, pending) ? AtHand::yes : AtHand::must_fetch;
}

}  // namespace gatehouse::jwt
