#include "jwt/key_source.hpp"

#include "jwt/worker.hpp"
#include "ngx/file.hpp"

namespace gatehouse::jwt {
namespace {

std::string quoted(std::string_view what, std::string_view name, std::string_view problem) {
    return std::string(what).append(" \"").append(name).append("\": ").append(problem);
}

// Where a set is kept in the cache. `scope` separates what has the same name and is not the same.
std::string cache_id(std::string_view scope, KeyFormat format, std::string_view name) {
    std::string id(scope);
    id.append(format == KeyFormat::jwks ? " jwks " : " keyval ").append(name);
    return id;
}

bool load_file(ngx_http_request_t* r, const KeyFile& file, Pending& pending, std::string& problem) {
    ngx_str_t path = ngx::copy(r->pool, ngx::evaluate(r, file.path));
    // The value of a variable must not name another file than it seems to.
    if (ngx::view(path).find('\0') != std::string_view::npos) {
        problem = "key file name contains a null character";
        return false;
    }
    if (ngx_conf_full_name(const_cast<ngx_cycle_t*>(ngx_cycle), &path, 1) != NGX_OK) {
        throw std::bad_alloc();
    }
    const std::string id = cache_id("file", file.format, ngx::view(path));
    const LocConf& conf = *pending.conf;
    KeySetPtr keys = worker().keys.fresh(id, conf.key_cache);
    if (!keys) {
        const auto read = ngx::read_file(ngx::view(path), conf.key_limits.bytes);
        if (!read.problem.empty()) {
            problem = "key file: " + read.problem;
            return false;
        }
        auto stored =
            worker().keys.store(id, read.content, file.format, conf.key_limits, r->connection->log);
        if (!stored) {
            problem = quoted("key file", ngx::view(path), describe(stored.error()));
            return false;
        }
        keys = std::move(*stored);
    }
    pending.fetched.push_back(std::move(keys));
    return true;
}

// The answer may depend on the virtual server and on the name the client used for it.
std::string request_id(const ngx_http_request_t* r, const KeyRequest& request,
                       std::string_view uri) {
    const auto* server = r->srv_conf[ngx_http_core_module.ctx_index];
    std::string scope = "request " + std::to_string(reinterpret_cast<std::uintptr_t>(server));
    scope.append(" ").append(ngx::view(r->headers_in.server));
    return cache_id(scope, request.format, uri);
}

std::string_view problem_of(const ngx::Answer& answer, std::string& scratch) {
    if (answer.status != NGX_HTTP_OK) {
        scratch = "status " + std::to_string(answer.status);
        return scratch;
    }
    if (answer.encoded) {
        return "response has a Content-Encoding; set \"proxy_set_header Accept-Encoding identity\"";
    }
    if (answer.too_large) {
        return "response is larger than keys_size of auth_jwt_limits";
    }
    return answer.complete ? "" : "response is incomplete";
}

bool take_answer(ngx_http_request_t* r, Pending& pending, std::string& problem) {
    const ngx::Answer& answer = *std::exchange(pending.answer, nullptr);
    const LocConf& conf = *pending.conf;
    const KeyRequest& request = conf.declared.key_requests[pending.next_request++];
    std::string scratch;
    std::string_view fault = problem_of(answer, scratch);
    if (fault.empty()) {
        auto stored = worker().keys.store(pending.answer_id, answer.body, request.format,
                                          conf.key_limits, r->connection->log);
        if (stored) {
            pending.fetched.push_back(std::move(*stored));
            return true;
        }
        fault = describe(stored.error());
    }
    problem = quoted("key request", ngx::evaluate(r, request.uri), fault);
    return false;
}

bool start_request(ngx_http_request_t* r, RequestState& state, Pending& pending,
                   std::string_view uri) {
    state.answers.push_back(std::make_unique<ngx::Answer>(pending.conf->key_limits.bytes));
    pending.answer = state.answers.back().get();
    return ngx::start_subrequest(r, uri, *pending.answer);
}

}  // namespace

KeysReady gather_keys(ngx_http_request_t* r, RequestState& state, Pending& pending,
                      std::string& problem) {
    const LocConf& conf = *pending.conf;
    if (pending.answer == nullptr) {
        // The first visit: everything that needs no waiting.
        for (const KeyFile& file : conf.dynamic_files) {
            if (!load_file(r, file, pending, problem)) {
                return KeysReady::failed;
            }
        }
    } else if (!pending.answer->finished) {
        return KeysReady::later;
    } else if (!take_answer(r, pending, problem)) {
        return KeysReady::failed;
    }
    // One at a time: mostly there is one, and they are cached.
    const auto& requests = conf.declared.key_requests;
    for (; pending.next_request < requests.size(); ++pending.next_request) {
        const KeyRequest& request = requests[pending.next_request];
        const std::string_view uri = ngx::evaluate(r, request.uri);
        pending.answer_id = request_id(r, request, uri);
        if (KeySetPtr keys = worker().keys.fresh(pending.answer_id, conf.key_cache)) {
            pending.fetched.push_back(std::move(keys));
        } else if (start_request(r, state, pending, uri)) {
            return KeysReady::later;
        } else {
            problem = quoted("key request", uri, "could not be started");
            return KeysReady::failed;
        }
    }
    return KeysReady::yes;
}

}  // namespace gatehouse::jwt
