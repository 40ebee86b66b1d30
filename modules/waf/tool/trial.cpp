#include "waf/tool/trial.hpp"

#include <array>

#include "waf/core/json.hpp"
#include "waf/tool/text.hpp"

namespace gatehouse::waf::tool {

namespace {

using Step = Transaction::Step;

constexpr int kBadRequest = 400;
constexpr int kForbidden = 403;

class Recorder final : public Transaction::Observer {
  public:
    explicit Recorder(std::vector<Hit>& hits) noexcept : hits_(hits) {}

    void matched(const Match& match) noexcept override {
        try {
            hits_.push_back({match.id, match.phase, match.severity, match.disruptive,
                             std::string(match.message), std::string(match.data),
                             std::string(match.variable), std::string(match.file), match.line});
        } catch (...) {
            incomplete_ = true;
        }
    }

    bool incomplete() const noexcept { return incomplete_; }

  private:
    std::vector<Hit>& hits_;
    bool incomplete_ = false;
};

// As the module gives them: see Inspection::add_request_headers().
Step add_headers(Transaction& transaction, const Request& request, const Target& target,
                 BodyView& body) {
    Step step = Step::pass;
    const std::string_view host = host_of(target.authority);
    bool has_host = host.empty();
    for (const auto& [name, sent] : request.headers) {
        const std::string_view value = field_value(sent);
        has_host = has_host || (same_text(name, "Host") && same_text(host_of(value), host));
        body.field(name, value);
        if (step == Step::pass) {
            step = transaction.request_header(name, value);
        }
    }
    return step == Step::pass && !has_host ? transaction.request_header("Host", host) : step;
}

// `doubt`: why nobody can tell how the upstream reads the request.
Step request_steps(Transaction& transaction, const Request& request, const std::string& client,
                   std::string_view& doubt) {
    constexpr int kClientPort = 40000, kServerPort = 80;
    Step step = transaction.connection(client, kClientPort, "127.0.0.1", kServerPort);
    const auto then = [&](auto&& next) {
        if (step == Step::pass) {
            step = next();
        }
    };
    const Target target(request.uri);
    BodyView body;
    then([&] { return transaction.uri(target, request.method, request.version); });
    then([&] { return add_headers(transaction, request, target, body); });
    then([&] { return transaction.request_headers(); });
    const bool reads_body =
        step == Step::pass && !request.body.empty() && transaction.reads_request_body();
    if (!request.body.empty()) {
        then([&] { return transaction.append_request_body(request.body); });
    }
    then([&] { return transaction.request_body(); });
    if (step == Step::pass && transaction.enforces()) {
        const std::string_view of_body =
            body.doubt().empty() ? transaction.body_doubt() : body.doubt();
        doubt = target.doubt().empty() && reads_body ? of_body : target.doubt();
    }
    return step;
}

Step response_steps(Transaction& transaction, const Response& response) {
    Step step = Step::pass;
    const auto then = [&](auto&& next) {
        if (step == Step::pass) {
            step = next();
        }
    };
    for (const auto& header : response.headers) {
        then([&] { return transaction.response_header(header.first, header.second); });
    }
    then([&] { return transaction.response_headers(response.status, response.protocol); });
    if (!response.body.empty()) {
        then([&] { return transaction.append_response_body(response.body); });
    }
    then([&] { return transaction.response_body(); });
    return step;
}

std::string_view mode_name(Mode mode) noexcept {
    switch (mode) {
    case Mode::on:
        return "on";
    case Mode::detect:
        return "detection only";
    case Mode::off:
    case Mode::unset:
        break;
    }
    return "off";
}

std::string_view severity_name(int severity) noexcept {
    constexpr std::array<std::string_view, 8> kNames{"emergency", "alert",  "critical", "error",
                                                     "warning",   "notice", "info",     "debug"};
    const auto index = static_cast<std::size_t>(severity);
    return index < kNames.size() ? kNames[index] : "unknown";
}

std::string verdict(const Outcome& outcome) {
    if (outcome.failed) {
        return "failed";
    }
    if (!outcome.blocked) {
        return "passed";
    }
    std::string text = outcome.url.empty() ? "blocked" : "redirected";
    text += ", status " + std::to_string(outcome.status);
    if (!outcome.reason.empty()) {
        return text.append(": ").append(outcome.reason);
    }
    return outcome.url.empty() ? text : text + ", to " + printable(outcome.url);
}

constexpr std::string_view kRed = "\033[1;31m", kGreen = "\033[1;32m", kBold = "\033[1m",
                           kDim = "\033[2m", kPlain = "\033[0m";

class Painter {
  public:
    explicit Painter(bool colour) noexcept : colour_(colour) {}

    std::string operator()(std::string_view code, std::string_view text) const {
        return colour_ ? std::string(code).append(text).append(kPlain) : std::string(text);
    }

  private:
    bool colour_;
};

}  // namespace

Outcome run_trial(Engine& engine, const RuleSetPtr& rules, const Exchange& exchange,
                  const std::string& client) {
    const std::optional<Response>& response = exchange.response;
    Outcome outcome;
    outcome.mode = rules->mode();
    Recorder recorder(outcome.hits);
    const auto transaction = engine.begin(rules, {}, recorder);
    if (!transaction) {
        outcome.failed = true;
        return outcome;
    }
    std::string_view doubt;
    Step step = request_steps(*transaction, exchange.request, client, doubt);
    outcome.reason = doubt;
    if (!outcome.reason.empty()) {
        outcome.blocked = true;
        outcome.status = kBadRequest;
    } else if (step == Step::pass && response) {
        step = response_steps(*transaction, *response);
    }
    if (step == Step::exceeded && transaction->enforces()) {
        outcome.blocked = true;
        outcome.status = kForbidden;
        outcome.reason = describe(transaction->excess(), Limits{});
    }
    if (step == Step::intervene) {
        outcome.blocked = true;
        outcome.status = transaction->intervention().status;
        outcome.url = transaction->intervention().url;
    }
    constexpr int kOk = 200;
    const int passed = response ? response->status : kOk;
    outcome.failed =
        step == Step::failed ||
        transaction->logging(outcome.blocked ? outcome.status : passed) == Step::failed ||
        recorder.incomplete();
    if (!outcome.failed) {
        outcome.score = transaction->score();
    }
    return outcome;
}

std::string to_text(const Outcome& outcome, bool colour) {
    const Painter paint(colour);
    std::string out;
    for (const Hit& hit : outcome.hits) {
        const std::string id = "rule " + std::to_string(hit.id);
        out += paint(hit.disruptive ? kRed : kBold, id) + ", phase " + std::to_string(hit.phase) +
               ", " + std::string(severity_name(hit.severity)) + ": " + printable(hit.message) +
               '\n';
        if (!hit.variable.empty()) {
            out += "    variable " + printable(hit.variable) + '\n';
        }
        if (!hit.data.empty()) {
            out += "    data " + printable(hit.data) + '\n';
        }
        out += paint(kDim, "    " + printable(hit.file) + ':' + std::to_string(hit.line)) + '\n';
    }
    out += "engine " + std::string(mode_name(outcome.mode)) + '\n';
    out += "score " + std::to_string(outcome.score) + '\n';
    out += "verdict " + paint(outcome.blocked || outcome.failed ? kRed : kGreen, verdict(outcome));
    return out + '\n';
}

std::string to_json(const Outcome& outcome) {
    Json hits = Json::array();
    for (const Hit& hit : outcome.hits) {
        Json one = Json::object();
        one.set("id", Json::number(hit.id));
        one.set("phase", Json::number(hit.phase));
        one.set("severity", severity_name(hit.severity));
        one.set("disruptive", Json::boolean(hit.disruptive));
        one.set("message", hit.message);
        one.set("data", hit.data);
        one.set("variable", hit.variable);
        one.set("file", hit.file);
        one.set("line", Json::number(hit.line));
        hits.append(std::move(one));
    }
    Json root = Json::object();
    root.set("engine", mode_name(outcome.mode));
    root.set("rules", std::move(hits));
    root.set("score", Json::number(outcome.score));
    root.set("verdict", outcome.failed ? "failed" : outcome.blocked ? "blocked" : "passed");
    if (outcome.blocked) {
        root.set("status", Json::number(outcome.status));
        if (!outcome.url.empty()) {
            root.set("redirect", outcome.url);
        }
        if (!outcome.reason.empty()) {
            root.set("reason", outcome.reason);
        }
    }
    return root.dump();
}

}  // namespace gatehouse::waf::tool
