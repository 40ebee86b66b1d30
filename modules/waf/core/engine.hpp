#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "waf/core/limits.hpp"
#include "waf/core/log_files.hpp"
#include "waf/core/request_view.hpp"

namespace gatehouse::waf {

// What runs SecLang rules. The adapter and the command-line tool know no other face of it; behind
// it is libmodsecurity (libmodsecurity.hpp). Nothing here throws but std::bad_alloc: what the
// library throws or says by a return value is a result here, and no call may be forgotten.

// Where rules come from: the value of one directive.
struct RuleSource {
    enum class Kind : std::uint8_t { text, file, remote };
    Kind kind = Kind::text;
    std::string value;  // the rules, the absolute path, or the URL
    std::string key;    // remote: what the server shall know us by
    std::string place;  // of the directive, FILE:LINE
};

// SecRuleEngine
enum class Mode : std::uint8_t { unset, off, detect, on };

// Rules and properties, complete and immutable; as long as anybody holds it. Workers inherit those
// that the master has loaded.
class RuleSet {
  public:
    virtual ~RuleSet() = default;

    virtual Mode mode() const noexcept = 0;
    virtual std::size_t rules() const noexcept = 0;  // in all phases, without markers

    // Whether rules of that phase, 1 to 5, exist that SecRuleRemoveById has left.
    virtual bool has_phase(int phase) const noexcept = 0;

    // Whether anything is to learn of the response: rules of phases 3 to 5, an audit log, a debug
    // log. If not, the steps after request_body() may be left out.
    virtual bool heeds_response() const noexcept = 0;

    // Whether rules of phase 4, or of phase 5 that look back, or a limit judge the body of the
    // response. If not, response_body() may be left out.
    virtual bool heeds_response_body() const noexcept = 0;

    // Audit logs and debug logs that are open.
    virtual std::vector<LogFile> log_files() const = 0;

    // SecRequestBodyAccess, SecResponseBodyAccess
    virtual bool reads_request_body() const noexcept = 0;
    virtual bool reads_response_body() const noexcept = 0;

    // Whether responses of that media type (without parameters, in upper or lower case) are read:
    // SecResponseBodyMimeType.
    virtual bool reads_response_type(std::string_view type) const noexcept = 0;

    // SecRequestBodyLimit, SecResponseBodyLimit; 0: none. Octets beyond them are dealt with by the
    // engine as SecRequestBodyLimitAction and SecResponseBodyLimitAction say.
    virtual std::uint64_t request_body_limit() const noexcept = 0;
    virtual std::uint64_t response_body_limit() const noexcept = 0;
};
using RuleSetPtr = std::shared_ptr<const RuleSet>;

// Null with the reason, which names file and line of the rules and how they were included.
struct Loaded {
    RuleSetPtr rules;
    std::string problem;
};

// Of a rule that does not say how severe it is.
inline constexpr int kNoSeverity = -1;

// A rule that has matched; views are good during the call.
struct Match {
    std::int64_t id = 0;
    int phase = 0;
    int severity = kNoSeverity;  // 0 emergency to 7 debug
    bool disruptive = false;     // the rule that has brought the intervention
    bool blocks = false;         // it refuses requests, where SecRuleEngine is On
    std::string_view text;       // the known line: ModSecurity: Warning. ... [id "N"] ...
    std::string_view message;    // msg
    std::string_view data;       // logdata
    std::string_view variable;   // the name of what matched, for instance ARGS:q
    std::string_view file;       // of the rule
    int line = 0;
    std::span<const std::string_view> tags;
};

// What a disruptive action wants. Its log is the text of the match; of a rule that is silent
// (nolog) there is no other.
struct Intervention {
    int status = 200;
    std::string url;  // redirect: where to; empty: none
    std::string log;
    bool close = false;  // drop: there is to be no answer
};

// One request and its response. The calls come in this order; steps may be left out at the end.
class Transaction {
  public:
    // Who is told of rules that match, in their order, during the steps.
    class Observer {
      public:
        virtual void matched(const Match& match) noexcept = 0;

      protected:
        ~Observer() = default;
    };

    enum class Step : std::uint8_t {
        pass,
        intervene,  // intervention() says what to do; goes on to the logging phase
        exceeded,   // excess() says which limit; the rules have not seen all; goes on as before
        failed,     // the engine has broken down: nothing but destruction is allowed any more
    };

    virtual ~Transaction() = default;

    // Others than the usual ones. Before the first step.
    virtual void limit(const Limits& limits) noexcept = 0;

    // From here on rules match, but nothing is disruptive, whatever SecRuleEngine says. Before the
    // first step.
    virtual void detect_only() noexcept = 0;

    virtual Step connection(std::string_view client, int client_port, std::string_view server,
                            int server_port) = 0;
    // `version`: 1.1
    virtual Step uri(const Target& target, std::string_view method, std::string_view version) = 0;
    // `value`: as field_value() gives it
    virtual Step request_header(std::string_view name, std::string_view value) = 0;
    virtual Step request_headers() = 0;  // runs phase 1
    // Whether request_body() will look at the body: SecRequestBodyAccess and SecRuleEngine, and
    // what `ctl` has made of them. After request_headers().
    virtual bool reads_request_body() const noexcept = 0;
    // Whether a refusal has an effect now: SecRuleEngine On, no detect_only(), and no rule that has
    // said `allow`.
    virtual bool enforces() const noexcept = 0;
    virtual Step append_request_body(std::string_view octets) = 0;
    virtual Step request_body() = 0;  // the body is complete: runs phase 2
    virtual Step response_header(std::string_view name, std::string_view value) = 0;
    // `protocol`: HTTP/1.1
    virtual Step response_headers(int status, std::string_view protocol) = 0;  // runs phase 3
    // What is due now, and may become so in the steps to come. After response_headers().
    // Whether response_body() will look at the body: SecResponseBodyAccess and SecRuleEngine.
    virtual bool reads_response_body() const noexcept = 0;
    // Whether response_body() may refuse: SecRuleEngine On, or a rule that may yet say so, no
    // detect_only(), and no rule that has said `allow`.
    virtual bool may_refuse_response() const noexcept = 0;
    // Whether the audit log may be to have the body: part E, of SecAuditLogParts or by `ctl`.
    virtual bool may_audit_response_body() const noexcept = 0;
    // The response gives way to another, whose fields are to follow, or octets.
    virtual void forget_response_headers() noexcept = 0;
    virtual void forget_response_body() noexcept = 0;
    // The next two take a body of any type, not only those of SecResponseBodyMimeType.
    virtual void read_any_response_type() noexcept = 0;
    virtual Step append_response_body(std::string_view octets) = 0;
    virtual Step response_body() = 0;      // runs phase 4
    virtual Step logging(int status) = 0;  // runs phase 5 and writes the audit log

    // Why the audit log lacks the transaction; empty: it has it, or is not to have it. After
    // logging().
    virtual const std::string& log_problem() const noexcept = 0;

    // Why nobody can tell how the upstream reads the body, whatever its type says; empty: it is
    // read in one way. After request_body().
    virtual std::string_view body_doubt() const noexcept = 0;

    // What the body is found to be wrong in, as rules see it: a flag, as REQBODY_ERROR, and what is
    // known of it. Empty: nothing. After request_body().
    virtual std::string body_error() const = 0;

    // Which limit of a body has been exceeded that is to be refused then, whether it is or not:
    // SecRequestBodyLimit or SecResponseBodyLimit. Empty: none.
    virtual std::string_view limit_error() const noexcept = 0;

    // Processor time that the steps have taken, as far as there is a limit of it.
    virtual std::chrono::microseconds spent() const noexcept = 0;

    // Of the last step that said intervene.
    virtual const Intervention& intervention() const noexcept = 0;

    // Which limit has been exceeded; none: no step has said so.
    virtual Excess excess() const noexcept = 0;

    // The anomaly score of the Core Rule Set so far (tx.anomaly_score, or blocking_inbound_ and
    // blocking_outbound_anomaly_score of version 4); 0 without it.
    virtual int score() const = 0;
};

class Engine {
  public:
    virtual ~Engine() = default;

    // The rules of one place of the configuration, in the order of its directives. What was loaded
    // before, by this process, from the same bytes (those of included and data files, too) and is
    // still held by somebody is not loaded again.
    virtual Loaded load(std::span<const RuleSource> sources) = 0;

    // The rules of `inner`, then those of `outer`; properties of `inner` win. An id that both have
    // is a problem. Either may be null. Shared as in load().
    virtual Loaded merge(const RuleSetPtr& inner, const RuleSetPtr& outer) = 0;

    // `id`: of the transaction; empty: a random one. `observer` must outlive the transaction. Null:
    // the engine has failed.
    virtual std::unique_ptr<Transaction> begin(const RuleSetPtr& rules, std::string_view id,
                                               Transaction::Observer& observer) = 0;

    // Name and version of what is behind this.
    virtual std::string_view version() const noexcept = 0;
};

}  // namespace gatehouse::waf
