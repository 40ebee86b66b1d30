#include "waf/core/libmodsecurity_rules.hpp"

#include <algorithm>

#include "waf/core/libmodsecurity_actions.hpp"
#include "waf/core/libmodsecurity_versions.hpp"
#include "waf/core/rule_text.hpp"

namespace gatehouse::waf {
namespace {

using modsecurity::RulesSetProperties;
using modsecurity::RuleWithOperator;

const RuleWithOperator* with_operator(const modsecurity::Rule* rule) noexcept {
    return dynamic_cast<const RuleWithOperator*>(rule);
}

// SecAuditLogFileMode, if it is set: what is read of it otherwise may be the library's own.
class AuditLogMode : modsecurity::audit_log::AuditLog {
  public:
    static std::optional<mode_t> of(const AuditLog& log) noexcept {
        const int mode = log.*(&AuditLogMode::m_filePermission);
        return mode < 0 ? std::nullopt : std::optional(static_cast<mode_t>(mode));
    }
};

// A response that is larger than SecResponseBodyLimit is refused without any rule.
bool limits_responses(const modsecurity::RulesSet& rules) noexcept {
    return rules.m_secResponseBodyAccess == RulesSetProperties::TrueConfigBoolean &&
           limit_of(rules.m_responseBodyLimit) > 0 &&
           rules.m_responseBodyLimitAction == RulesSetProperties::RejectBodyLimitAction;
}

// By SecRuleRemoveById, which the library looks at before it runs a rule; in its exceptions ids are
// int.
bool is_removed(modsecurity::RulesSet& rules, const modsecurity::Rule* rule) {
    const auto* const acting = dynamic_cast<const modsecurity::RuleWithActions*>(rule);
    return acting != nullptr && rules.m_exceptions.contains(static_cast<int>(acting->m_ruleId));
}

}  // namespace

template <class F>
void Compiled::for_each_rule(F&& visit) {
    for (int phase = 0; phase < modsecurity::Phases::NUMBER_OF_PHASES; ++phase) {
        for (const auto& rule : library_.m_rulesSetPhases.at(phase)->m_rules) {
            visit(phase, rule.get());
        }
    }
}

void Compiled::note_source(std::size_t source) {
    for_each_rule([&](int, const modsecurity::Rule* rule) {
        if (const RuleWithOperator* const operating = with_operator(rule)) {
            source_of_.try_emplace(operating->m_ruleId, source);
        }
    });
}

void Compiled::complete() {
    for_each_rule([&](int phase, modsecurity::Rule* rule) {
        if (!rule->isMarker()) {
            ++rules_;
            used_[static_cast<std::size_t>(phase)] |= !is_removed(library_, rule);
        }
        const auto* const acting = dynamic_cast<const modsecurity::RuleWithActions*>(rule);
        if (acting != nullptr && disruption_of(library_, *acting) == Disruption::close) {
            closing_.push_back(mark_of(*acting));
        }
    });
    if (library_.m_auditLog != nullptr) {
        keep_open(library_.m_auditLog);
    }
    for (const LogFile& log : log_files()) {
        set_mode_of_new_log(log);
    }
    if (inner_) {
        late_use_.add(inner_->late_use_);
        late_use_.add(outer_->late_use_);
        source_of_ = inner_->source_of_;
        for (const auto& [id, source] : outer_->source_of_) {
            source_of_.try_emplace(id, inner_->sources_ + source);
        }
    }
    const bool logs_body = has_phase(5) && late_use_.reads_body();
    heeds_response_body_ = has_phase(4) || logs_body || limits_responses(library_);
    heeds_response_ = heeds_response_body_ || has_phase(3) || has_phase(5) || writes_audit_log() ||
                      library_.m_debugLog->getDebugLogLevel() > 0;
}

bool Compiled::closes(std::string_view message) const noexcept {
    return std::any_of(closing_.begin(), closing_.end(), [&](const std::string& mark) {
        return message.find(mark) != std::string_view::npos;
    });
}

// Without a path it is never written, whatever switches it on. What else is known of it the library
// keeps to itself.
bool Compiled::writes_audit_log() const noexcept {
    const auto* const log = library_.m_auditLog;
    return log != nullptr &&
           !(log->m_path1.empty() && log->m_path2.empty() && log->m_storage_dir.empty());
}

std::vector<LogFile> Compiled::log_files() const {
    std::vector<LogFile> logs;
    const auto add = [&](const std::string& path, std::optional<mode_t> mode) {
        if (!path.empty() && is_open_log(path)) {
            logs.push_back({path, mode});
        }
    };
    if (const auto* const log = library_.m_auditLog) {
        add(log->m_path1, AuditLogMode::of(*log));
        add(log->m_path2, AuditLogMode::of(*log));
    }
    add(library_.m_debugLog->getDebugLogFile(), std::nullopt);
    return logs;
}

bool Compiled::has_phase(int phase) const noexcept {
    const int index = phase + kPhasesBefore;
    return phase >= 1 && phase <= 5 && used_[static_cast<std::size_t>(index)];
}

std::optional<Compiled::Place> Compiled::find(std::int64_t id) {
    std::optional<Place> found;
    for_each_rule([&](int, const modsecurity::Rule* rule) {
        const RuleWithOperator* const operating = with_operator(rule);
        if (found || operating == nullptr || operating->m_ruleId != id) {
            return;
        }
        found =
            Place{std::string(file_of(*operating)), operating->getLineNumber(), source_of_.at(id)};
    });
    return found;
}

std::optional<std::int64_t> Compiled::common_id(Compiled& a, Compiled& b) {
    std::vector<std::int64_t> ids;
    a.for_each_rule([&](int, const modsecurity::Rule* rule) {
        if (const RuleWithOperator* const operating = with_operator(rule)) {
            ids.push_back(operating->m_ruleId);
        }
    });
    std::sort(ids.begin(), ids.end());
    std::optional<std::int64_t> common;
    b.for_each_rule([&](int, const modsecurity::Rule* rule) {
        const RuleWithOperator* const operating = with_operator(rule);
        if (!common && operating != nullptr &&
            std::binary_search(ids.begin(), ids.end(), operating->m_ruleId)) {
            common = operating->m_ruleId;
        }
    });
    return common;
}

Mode LibraryRuleSet::mode() const noexcept {
    switch (compiled_->library().m_secRuleEngine) {
    case RulesSetProperties::DisabledRuleEngine:
        return Mode::off;
    case RulesSetProperties::EnabledRuleEngine:
        return Mode::on;
    case RulesSetProperties::DetectionOnlyRuleEngine:
        return Mode::detect;
    case RulesSetProperties::PropertyNotSetRuleEngine:
        break;
    }
    return Mode::unset;
}

// The library leaves the body alone only if told to.
bool LibraryRuleSet::reads_request_body() const noexcept {
    return compiled_->library().m_secRequestBodyAccess != RulesSetProperties::FalseConfigBoolean;
}

// The library reads the body only if told to.
bool LibraryRuleSet::reads_response_body() const noexcept {
    return compiled_->library().m_secResponseBodyAccess == RulesSetProperties::TrueConfigBoolean;
}

bool LibraryRuleSet::reads_response_type(std::string_view type) const noexcept {
    const modsecurity::ConfigSet& types = compiled_->library().m_responseBodyTypeToBeInspected;
    return !types.m_set ||
           std::any_of(types.m_value.begin(), types.m_value.end(),
                       [&](const std::string& read) { return same_word(read, type); });
}

std::uint64_t LibraryRuleSet::request_body_limit() const noexcept {
    return limit_of(compiled_->library().m_requestBodyLimit);
}

std::uint64_t LibraryRuleSet::response_body_limit() const noexcept {
    return limit_of(compiled_->library().m_responseBodyLimit);
}

std::string LibraryRuleSet::describe(const Compiled::Place& place) const {
    const std::string line = std::to_string(place.line);
    return place.file == kTextReference ? describe_text_line(directive_of(place), line)
                                        : place.file + ':' + line;
}

std::string_view LibraryRuleSet::directive_of(const Compiled::Place& place) const {
    return places_.at(place.source);
}

std::string describe_text_line(std::string_view place, std::string_view line) {
    return std::string(place) + ", line " + std::string(line) + " of the rules";
}

}  // namespace gatehouse::waf
