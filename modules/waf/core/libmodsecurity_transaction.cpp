#include "waf/core/libmodsecurity_transaction.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <system_error>
#include <utility>

#include "waf/core/allocation_watch.hpp"
#include "waf/core/libmodsecurity_bounds.hpp"
#include "waf/core/libmodsecurity_versions.hpp"
#include "waf/core/spares.hpp"

namespace gatehouse::waf {
namespace {

using modsecurity::RuleMessage;
using modsecurity::RulesSetProperties;
using modsecurity::RuleWithActions;

constexpr int kForbidden = 403;
constexpr int kNoStatus = -1;

// What a request that has used up its time has for the rules of the logging phase.
constexpr Deadline::Microseconds kTimeOfLogging{50'000};

// Where the library stops reading, somebody else may go on.
bool has_nul(std::string_view text) noexcept { return text.find('\0') != std::string_view::npos; }

const unsigned char* octets_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

// The library looks at no write that a buffer puts off: what its failure has left behind.
std::string write_problem(int error) {
    const bool is_of_write = error == ENOSPC || error == EDQUOT || error == EFBIG || error == EIO;
    return is_of_write ? std::generic_category().message(error) : std::string();
}

// Takes over what the library has allocated for an intervention.
class Wanted {
  public:
    Wanted() noexcept { modsecurity::intervention::clean(&value_); }
    ~Wanted() { modsecurity::intervention::free(&value_); }
    Wanted(const Wanted&) = delete;
    Wanted& operator=(const Wanted&) = delete;

    modsecurity::ModSecurityIntervention& operator*() noexcept { return value_; }
    const modsecurity::ModSecurityIntervention* operator->() const noexcept { return &value_; }

  private:
    modsecurity::ModSecurityIntervention value_;
};

Spares spares;

}  // namespace

void* LibraryTransaction::operator new(std::size_t size) { return spares.take(size); }
void LibraryTransaction::operator delete(void* memory) noexcept { spares.put(memory); }

LibraryTransaction::LibraryTransaction(modsecurity::ModSecurity& library,
                                       std::shared_ptr<Compiled> rules, std::string id,
                                       Observer& observer)
    : rules_(std::move(rules)),
      observer_(observer),
      transaction_(&library, &rules_->library(), id.data(), this) {
    // A request that ends before uri() is in the audit log all the same, whose JSON has the version
    // as a number.
    transaction_.m_httpVersion.assign(1, '0');
}

// Whatever leaves the library by an exception leaves it in a state that nobody has thought of: the
// transaction is over.
template <class F>
Transaction::Step LibraryTransaction::run(F&& step) noexcept {
    if (failed_) {
        return Step::failed;
    }
    const AllocationWatch watch;
    try {
        if (step() && !failed_) {
            const Step result = outcome();
            if (!watch.failed()) {
                return result;
            }
        }
    } catch (...) {
        // The step has failed, for whatever reason.
    }
    failed_ = true;
    return Step::failed;
}

// What rules have found before a limit is exceeded, holds.
template <class F>
Transaction::Step LibraryTransaction::run_bounded(F&& step) noexcept {
    if (excess_ != Excess::none) {
        return Step::exceeded;
    }
    if (limits_.time.count() == 0) {
        return run(step);
    }
    const Deadline::Microseconds before = time_left_;
    Step result = Step::failed;
    Excess excess = Excess::none;
    {
        const BoundedStep bounded(time_left_, stop_rules, this);
        result = run(step);
        excess = bounded.excess();
    }
    spent_ += before - time_left_;
    return result == Step::pass && excess != Excess::none ? exceed(excess) : result;
}

// Behind `allow`, which is how rules are stopped, too, nothing is disruptive any more.
bool LibraryTransaction::enforces() const noexcept {
    return !detect_only_ &&
           transaction_.getRuleEngineState() == RulesSetProperties::EnabledRuleEngine &&
           (excess_ == Excess::time || transaction_.m_allowType == kNotAllowed);
}

Transaction::Step LibraryTransaction::outcome() {
    const bool intervenes = take_intervention();
    report_disruptive(intervenes);
    return intervenes ? Step::intervene : Step::pass;
}

bool LibraryTransaction::take_intervention() {
    Wanted wanted;
    if (!transaction_.intervention(&*wanted)) {
        return false;
    }
    if (detect_only_) {
        // Rules can switch the engine on (ctl:ruleEngine).
        transaction_.m_secRuleEngine = RulesSetProperties::DetectionOnlyRuleEngine;
        return false;
    }
    // The action `status` takes any number, and 0 would let the request pass.
    const bool valid = wanted->status > 200 && wanted->status <= 599;
    intervention_.status = valid ? wanted->status : kForbidden;
    intervention_.url = wanted->url != nullptr ? wanted->url : "";
    intervention_.log = wanted->log != nullptr ? wanted->log : "";
    return true;
}

// The library calls back for rules that only warn; those that are disruptive it keeps.
void LibraryTransaction::report_disruptive(bool intervenes) {
    auto& messages = transaction_.m_rulesMessages;
    if (messages.size() == reported_) {
        return;
    }
    for (auto it = std::next(messages.begin(), static_cast<std::ptrdiff_t>(reported_));
         it != messages.end(); ++it) {
        if (!it->m_isDisruptive) {
            continue;
        }
        if (intervenes) {
            report(*it, intervention_.log, true);
        } else {
            report(*it, text_of(*it, RuleMessage::ClientLogMessageInfo, kForbidden), false);
        }
    }
    reported_ = messages.size();
}

void LibraryTransaction::matched(void* transaction, const void* message) noexcept {
    auto& self = *static_cast<LibraryTransaction*>(transaction);
    if (Deadline::over()) {
        // The library has just put it there.
        self.transaction_.m_rulesMessages.pop_back();
        return;
    }
    try {
        const auto& match = *static_cast<const RuleMessage*>(message);
        self.report(match, text_of(match, 0, kNoStatus), false);
        // 3.0.9 goes on with it at the next match of a rule with multiMatch, and copies all of it.
        const_cast<RuleMessage&>(match).m_reference.clear();
    } catch (...) {
        // A match that nobody hears of is no detection.
        self.failed_ = true;
    }
}

void LibraryTransaction::report(const RuleMessage& message, std::string_view text,
                                bool disruptive) {
    const RuleWithActions& rule = rule_of(message.m_rule);
    Match match;
    match.id = rule.m_ruleId;
    match.phase = rule.getPhase() - kPhasesBefore;
    match.severity = message.m_severity;
    match.disruptive = disruptive;
    match.text = text;
    match.message = message.m_message;
    match.data = message.m_data;
    // Of rules that are disruptive the library tells late, when it may know another's variable or
    // none. An unconditional rule has none, but the one before may have left its own.
    match.variable = variable_of(message.m_match);
    if (match.variable.empty() && !message.m_match.empty()) {
        match.variable = transaction_.m_variableMatchedVarName.m_value;
    }
    match.file = file_of(rule);
    match.line = rule.getLineNumber();
    observer_.matched(match);
}

void LibraryTransaction::detect_only() noexcept {
    detect_only_ = true;
    if (transaction_.getRuleEngineState() == RulesSetProperties::EnabledRuleEngine) {
        transaction_.m_secRuleEngine = RulesSetProperties::DetectionOnlyRuleEngine;
    }
}

Transaction::Step LibraryTransaction::connection(std::string_view client, int client_port,
                                                 std::string_view server, int server_port) {
    return run([&] {
        return transaction_.processConnection(std::string(client).c_str(), client_port,
                                              std::string(server).c_str(), server_port) != 0;
    });
}

Transaction::Step LibraryTransaction::uri(const Target& target, std::string_view method,
                                          std::string_view version) {
    if (const Excess excess = count_arguments(target); excess != Excess::none) {
        return exceed(excess);
    }
    return run([&] {
        if (has_nul(target.text) || has_nul(method) ||
            transaction_.processURI(target.text.c_str(), std::string(method).c_str(),
                                    std::string(version).c_str()) == 0) {
            return false;
        }
        const std::size_t offset = method.size() + 1;  // of the target in the request line
        correct_path(target, offset);
        if (target.fragment != Target::kNone) {
            read_behind_fragment(target, offset);
        }
        return true;
    });
}

Transaction::Step LibraryTransaction::request_header(std::string_view name,
                                                     std::string_view value) {
    if (const Excess excess = count_field(name, value); excess != Excess::none) {
        return exceed(excess);
    }
    return run([&] {
        if (transaction_.addRequestHeader(octets_of(name), name.size(), octets_of(value),
                                          value.size()) == 0) {
            return false;
        }
        complete_header(name, value);
        return true;
    });
}

Transaction::Step LibraryTransaction::request_headers() {
    return run_bounded([&] { return transaction_.processRequestHeaders() != 0; });
}

bool LibraryTransaction::reads_request_body() const noexcept {
    if (transaction_.getRuleEngineState() == RulesSetProperties::DisabledRuleEngine) {
        return false;
    }
    const int access = transaction_.m_requestBodyAccess;  // by ctl
    if (rules_->library().m_secRequestBodyAccess == RulesSetProperties::FalseConfigBoolean) {
        return access == RulesSetProperties::TrueConfigBoolean;
    }
    return access != RulesSetProperties::FalseConfigBoolean;
}

// False is what appending says when it has taken a part only, as SecRequestBodyLimitAction
// ProcessPartial wants. That the stream behind it has failed, it does not say.
Transaction::Step LibraryTransaction::append_request_body(std::string_view octets) {
    if (const Excess excess = count_body(octets); excess != Excess::none) {
        return exceed(excess);
    }
    return run([&] {
        transaction_.appendRequestBody(octets_of(octets), octets.size());
        return transaction_.m_requestBody.good();
    });
}

Transaction::Step LibraryTransaction::request_body() {
    return run_bounded([&] { return process_request_body(); });
}

Transaction::Step LibraryTransaction::response_header(std::string_view name,
                                                      std::string_view value) {
    return run([&] {
        return transaction_.addResponseHeader(octets_of(name), name.size(), octets_of(value),
                                              value.size()) != 0;
    });
}

Transaction::Step LibraryTransaction::response_headers(int status, std::string_view protocol) {
    return run_bounded(
        [&] { return transaction_.processResponseHeaders(status, std::string(protocol)) != 0; });
}

void LibraryTransaction::forget_response_headers() noexcept {
    transaction_.m_variableResponseHeaders.unset();
    transaction_.m_variableResponseHeadersNames.unset();
    transaction_.m_variableResponseContentType.unset();
}

void LibraryTransaction::forget_response_body() noexcept { transaction_.m_responseBody.str({}); }

// The library compares the field as it was sent, in upper case or not, with a list that all
// transactions share. Rules may look at the field: it is the list that changes for the time.
template <class F>
auto LibraryTransaction::with_response_type(F&& step) {
    auto& types = rules_->library().m_responseBodyTypeToBeInspected.m_value;
    const auto [place, is_new] =
        any_response_type_ && !types.empty()
            ? types.insert(transaction_.m_variableResponseContentType.m_value)
            : std::pair(types.end(), false);
    struct Restore {
        decltype(types) list;
        decltype(types.begin()) added;
        ~Restore() {
            if (added != list.end()) {
                list.erase(added);
            }
        }
    };
    const Restore restore{types, is_new ? place : types.end()};
    return step();
}

// As append_request_body().
Transaction::Step LibraryTransaction::append_response_body(std::string_view octets) {
    allow_time_for(octets.size());
    return run([&] {
        with_response_type(
            [&] { return transaction_.appendResponseBody(octets_of(octets), octets.size()); });
        return transaction_.m_responseBody.good();
    });
}

Transaction::Step LibraryTransaction::response_body() {
    return run_bounded([&] {
        return with_response_type([&] { return transaction_.processResponseBody(); }) != 0;
    });
}

// An intervention comes too late here, but the rule that wants it has matched. What was done is
// what an earlier step wanted, and what time does not suffice for is not done.
Transaction::Step LibraryTransaction::logging(int status) {
    Intervention done = std::move(intervention_);
    const Excess before = std::exchange(excess_, Excess::none);
    time_left_ = std::max(time_left_, kTimeOfLogging);
    rules_->take_log_problem();
    const Step step = run_bounded([&] {
        errno = 0;
        const bool complete =
            transaction_.updateStatusCode(status) != 0 && transaction_.processLogging() != 0;
        log_problem_ = write_problem(errno);
        return complete;
    });
    if (std::string problem = rules_->take_log_problem(); !problem.empty()) {
        log_problem_ = std::move(problem);
    }
    intervention_ = std::move(done);
    excess_ = before;
    return step == Step::failed ? step : Step::pass;
}

int LibraryTransaction::number(const std::string& variable) const {
    const auto value = transaction_.m_collections.m_tx_collection->resolveFirst(variable);
    int number = 0;
    if (value) {
        std::from_chars(value->data(), value->data() + value->size(), number);
    }
    return number;
}

// The rules of version 3 add the score of the response to the first one.
int LibraryTransaction::score() const {
    static const std::string both = "anomaly_score";
    static const std::string inbound = "blocking_inbound_anomaly_score";
    static const std::string outbound = "blocking_outbound_anomaly_score";
    return number(both) + number(inbound) + number(outbound);
}

}  // namespace gatehouse::waf
