#include <algorithm>
#include <charconv>
#include <iterator>

#include "waf/core/libmodsecurity_actions.hpp"
#include "waf/core/libmodsecurity_transaction.hpp"
#include "waf/core/libmodsecurity_versions.hpp"

// What rules have found, and what they want done.

namespace gatehouse::waf {
namespace {

using modsecurity::RuleMessage;
using modsecurity::RulesSetProperties;
using modsecurity::RuleWithActions;

constexpr int kForbidden = 403;
constexpr int kNoStatus = -1;

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

// The library has 0 for none, which is an emergency.
int severity_of(const RuleMessage& message) noexcept {
    const RuleWithActions* rule = &rule_of(message.m_rule);
    bool is_set = message.m_severity != 0;
    for (; rule != nullptr && !is_set; rule = rule->m_chainedRuleChild.get()) {
        is_set = rule->hasSeverity();
    }
    return is_set ? message.m_severity : kNoSeverity;
}

}  // namespace

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
    intervention_.close = rules_->closes(intervention_.log);
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
    match.severity = severity_of(message);
    match.disruptive = disruptive;
    match.blocks = disruption_of(rules_->library(), rule) != Disruption::none;
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
    const std::vector<std::string_view> tags(message.m_tags.begin(), message.m_tags.end());
    match.tags = tags;
    observer_.matched(match);
}

int LibraryTransaction::number(const std::string& variable) const {
    const auto value = transaction_.m_collections.m_tx_collection->resolveFirst(variable);
    int number = 0;
    if (value) {
        std::from_chars(value->data(), value->data() + value->size(), number);
    }
    return number;
}

// The rules of version 3 keep the sum in the first one; those of version 4 have it there from phase
// 5 on.
int LibraryTransaction::score() const {
    static const std::string both = "anomaly_score";
    static const std::string inbound = "blocking_inbound_anomaly_score";
    static const std::string outbound = "blocking_outbound_anomaly_score";
    return std::max(number(both), number(inbound) + number(outbound));
}

}  // namespace gatehouse::waf
