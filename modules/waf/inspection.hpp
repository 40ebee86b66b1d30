#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ngx/request.hpp"
#include "waf/conf.hpp"
#include "waf/held_response.hpp"
#include "waf/module.hpp"
#include "waf/phases.hpp"
#include "waf/replacement.hpp"

namespace gatehouse::waf {

// $modsecurity_status
enum class Status : std::uint8_t { none, passed, detected, blocked, bypassed, error };

// What a step of the engine means for the request.
enum class Verdict : std::uint8_t { go_on, refuse };

// The inspection of one request of a client, whatever it is redirected to inside; subrequests have
// none. Destroyed with the request.
class Inspection final : private Transaction::Observer {
  public:
    explicit Inspection(ngx_http_request_t* r) noexcept
        : request(r), held(r, send_body), replacement(r) {}

    ngx_http_request_t* const request;

    // The request has come to a place: whether the rules of that are to run. Not those that are
    // running already because of an earlier place, unless that was more lenient. Throws
    // std::bad_alloc.
    bool is_due(const LocConf& place);

    // Makes a transaction for the place of which is_due() has said so, in place of an earlier one.
    // Throws std::bad_alloc.
    void begin(const LocConf& place);

    // Whether it is for other rules than those of the place that the request is inspected now.
    bool has_other_rules(const LocConf& place) const noexcept {
        return active() && rules_in_use_ != place.rules;
    }

    // Whether there are steps to be taken.
    bool active() const noexcept { return transaction_ != nullptr && !given_up_; }
    bool refused() const noexcept { return refused_; }

    // Each phase once; refuse: refusal() says with what. Throw std::bad_alloc.
    Verdict request_headers();
    Verdict request_body();
    Verdict response_headers();

    // After request_body(): what no rule has refused, and nobody can tell how the upstream reads
    // it.
    Verdict doubts(bool has_body);

    // Octets of a body; no more of them are looked at than limits say.
    Verdict append_request_body(std::string_view octets);
    bool has_enough_of_request() const noexcept { return request_octets_ >= most_of_request(); }
    Verdict unreadable();  // the body is there, but cannot be read
    Verdict append_response_body(std::string_view octets);
    bool has_enough_of_response() const noexcept { return response_octets_ >= most_of_response(); }
    Verdict response_body();

    // The status that the client gets, as a phase handler returns it; the field Location is set if
    // it is a redirect.
    ngx_int_t refusal();

    // The header of the answer to a refused request: nginx drops all fields of a response that
    // gives way to it, so that Location is set here.
    void complete_refusal();

    // What has come of a response is nothing: another will take its place, and is to be judged.
    void forget_response() noexcept;

    // Octets of a response that nobody judges, of which the audit log has as many as of any other.
    void append_answer_body(std::string_view octets);

    // The LOG phase: the audit log.
    void log();

    bool wants_request_body() const noexcept;
    bool wants_response_body() const;
    bool may_refuse_response() const noexcept { return transaction_->may_refuse_response(); }
    bool audits_response_body() const;
    bool wants_answer_body() const;

    // Octets of the response are to follow, whatever SecResponseBodyMimeType says.
    void begin_response_body() noexcept;

    // How far it has come.
    const LocConf* conf = nullptr;  // of the last place with its rules
    bool body_requested = false;    // of the client, by us
    bool waiting_for_body = false;  // the phases are suspended
    bool body_done = false;         // phase 2 is over
    bool response_seen = false;     // phase 3 is over
    bool reading_response = false;  // phase 4 is to come
    bool reading_answer = false;    // what is sent, for the audit log
    bool whole = false;             // nobody gets a part of the response
    bool withholding = false;       // it may refuse the response
    bool holding = false;           // the header of the response waits for it
    HeldResponse held;              // and so does the body
    Replacement replacement;        // of what was held

    Status status() const noexcept { return status_; }
    int score() const { return transaction_ != nullptr ? transaction_->score() : score_; }
    // Why a request was refused, or has passed uninspected, if rules do not say it; empty: they do.
    std::string_view reason() const noexcept { return reason_; }
    // Whether it is only for want of SecRuleEngine On, or because of `detect` or dry_run, that the
    // present transaction was not blocked.
    bool would_block() const noexcept { return would_block_; }
    const std::vector<KeptMatch>& matches() const noexcept { return matches_; }
    // Those of the present transaction.
    std::span<const KeptMatch> own_matches() const noexcept {
        return std::span(matches_).subspan(earlier_matches_);
    }
    std::string_view id() const noexcept { return id_; }
    std::string_view method() const noexcept { return method_; }  // that the client has sent

  private:
    void matched(const Match& match) noexcept override;
    Verdict settle(Transaction::Step step);
    Verdict broken();
    Verdict exceeded();
    const RuleLogs& logs() const noexcept;
    void note_limit();
    std::string reason_of_refusal() const;
    std::string reason_of_match() const;
    Verdict uninspected(std::string_view what, std::string reason, ngx_int_t status);
    std::uint64_t most_of_request() const noexcept;
    std::uint64_t most_of_response() const noexcept;
    Transaction::Step add_request_headers();
    std::string_view doubt(bool has_body) const;
    void add_response_headers();
    bool reads_this_response() const;

    std::unique_ptr<Transaction> transaction_;
    RuleSetPtr rules_in_use_;
    Status status_ = Status::none;
    std::string id_;
    std::string method_;
    std::vector<KeptMatch> matches_;
    std::size_t earlier_matches_ = 0;
    bool noticed_ = false;  // a rule has matched, in this transaction
    bool would_block_ = false;
    bool enforces_ = false;
    bool given_up_ = false;  // what is left of the request passes uninspected
    std::string reason_;
    int score_ = 0;
    std::chrono::microseconds spent_{0};  // by transactions that are over
    bool refused_ = false;
    ngx_int_t refusal_status_ = 0;
    std::string location_;  // of a redirect
    std::string_view target_doubt_;
    BodyView body_view_;
    std::uint64_t request_octets_ = 0;
    std::uint64_t response_octets_ = 0;
};

using RequestContext = ngx::Context<Inspection, ngx_http_gatehouse_waf_module>;

inline const LocConf& loc_conf(const ngx_http_request_t* r) noexcept {
    return ngx::location_conf<LocConf>(r, ngx_http_gatehouse_waf_module);
}

}  // namespace gatehouse::waf
