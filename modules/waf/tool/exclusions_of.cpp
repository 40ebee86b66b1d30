#include "waf/tool/exclusions_of.hpp"

#include <algorithm>
#include <set>

#include "waf/core/seclang.hpp"
#include "waf/tool/text.hpp"
#include "waf/tool/trial.hpp"

namespace gatehouse::waf::tool {
namespace {

// Rounds of a request: each excludes at least one variable of one rule.
constexpr int kMaxRounds = 100;

std::vector<std::int64_t> rules_in(std::span<const AuditEntry> entries,
                                   const std::string& transaction) {
    std::vector<std::int64_t> rules;
    for (const AuditEntry& entry : entries) {
        for (const AuditMatch& match : entry.matches) {
            const bool known = std::find(rules.begin(), rules.end(), match.rule) != rules.end();
            if (!known && (transaction.empty() || entry.transaction == transaction)) {
                rules.push_back(match.rule);
            }
        }
    }
    return rules;
}

AuditEntry entry_of(const Exchange& exchange, const Outcome& outcome) {
    AuditEntry entry;
    entry.transaction = "of the request file";
    entry.uri = exchange.request.uri;
    for (const auto& [name, value] : exchange.request.headers) {
        if (seclang::same_name(name, "Host") && entry.host.empty()) {
            entry.host = value;
        }
    }
    for (const Hit& hit : outcome.hits) {
        entry.matches.push_back({hit.id, hit.variable, hit.message, hit.file});
    }
    return entry;
}

bool is_empty(const Exclusions& found) noexcept {
    return found.rules.empty() && found.behind.empty();
}

class Rounds {
  public:
    Rounds(Engine& engine, const std::vector<RuleSource>& rules, const Exchange& exchange,
           const std::string& client, const Wanted& wanted)
        : engine_(engine), rules_(rules), exchange_(exchange), client_(client), wanted_(wanted) {}

    Exclusions run() {
        for (; rounds_ < kMaxRounds; ++rounds_) {
            const auto outcome = try_request();
            if (!outcome) {
                found_.blocked = true;
                return std::move(found_);
            }
            if (is_done(*outcome)) {
                if (is_empty(found_)) {
                    found_.problems.push_back("the request passes: there is nothing to exclude");
                }
                return std::move(found_);
            }
            if (!exclude(*outcome)) {
                if (outcome->mode == Mode::detect && !is_empty(found_)) {
                    return std::move(found_);
                }
                break;
            }
        }
        found_.blocked = true;
        found_.problems.push_back(rounds_ == kMaxRounds
                                      ? "the request is still blocked after " +
                                            std::to_string(kMaxRounds) +
                                            " rounds: run it again with what was excluded"
                                      : "the request is blocked in spite of that");
        return std::move(found_);
    }

  private:
    std::optional<Outcome> try_request() {
        std::vector<RuleSource> sources = rules_;
        const auto add = [&](auto where, const std::string& text) {
            if (!text.empty()) {
                sources.insert(where, {RuleSource::Kind::text, text, {}, "exclusions"});
            }
        };
        add(sources.begin(), found_.rules);
        add(sources.end(), found_.behind);
        const Loaded loaded = engine_.load(sources);
        if (!loaded.rules) {
            found_.problems.push_back(loaded.problem);
            return std::nullopt;
        }
        return run_trial(engine_, loaded.rules, exchange_, client_);
    }

    bool is_done(const Outcome& outcome) const noexcept {
        // Where nothing is blocked only what is found tells how far it is.
        return wanted_.rule == 0
                   ? !outcome.blocked && !outcome.failed &&
                         (outcome.mode != Mode::detect || outcome.hits.empty())
                   : std::none_of(outcome.hits.begin(), outcome.hits.end(),
                                  [&](const Hit& hit) { return hit.id == wanted_.rule; });
    }

    // False: there is nothing new.
    bool exclude(const Outcome& outcome) {
        const AuditEntry entry = entry_of(exchange_, outcome);
        const std::span<const AuditEntry> entries(&entry, 1);
        bool any = false;
        Wanted wanted = wanted_;
        for (const std::int64_t rule : rules_in(entries, {})) {
            if (wanted_.rule != 0 && wanted_.rule != rule) {
                continue;
            }
            wanted.rule = rule;
            const Exclusion exclusion = make_exclusion(entries, wanted);
            if (!exclusion.problem.empty() && told_.insert(exclusion.problem).second) {
                found_.problems.push_back(exclusion.problem);
            }
            if (exclusion.problem.empty() &&
                told_.insert(exclusion.rules + exclusion.behind).second) {
                found_.rules += exclusion.rules;
                found_.behind += exclusion.behind;
                any = true;
            }
        }
        return any;
    }

    Engine& engine_;
    const std::vector<RuleSource>& rules_;
    const Exchange& exchange_;
    const std::string& client_;
    const Wanted& wanted_;
    std::set<std::string> told_;
    int rounds_ = 0;
    Exclusions found_;
};

}  // namespace

Exclusions exclude_all(std::span<const AuditEntry> entries, const Wanted& wanted) {
    Exclusions found;
    for (const AuditEntry& entry : entries) {
        if (wanted.transaction.empty() && entry.transaction != entries.front().transaction) {
            found.problems.push_back("there are several transactions; choose by --transaction, " +
                                     printable(entries.front().transaction) + " or " +
                                     printable(entry.transaction) + " for instance");
            return found;
        }
    }
    Wanted one = wanted;
    for (const std::int64_t rule : rules_in(entries, wanted.transaction)) {
        one.rule = rule;
        Exclusion exclusion = make_exclusion(entries, one);
        found.rules += exclusion.rules;
        found.behind += exclusion.behind;
        if (!exclusion.problem.empty()) {
            found.problems.push_back(std::move(exclusion.problem));
        }
    }
    if (is_empty(found) && found.problems.empty()) {
        found.problems.push_back("no entry has a match");
    }
    return found;
}

Exclusions exclude_until_passed(Engine& engine, const std::vector<RuleSource>& rules,
                                const Exchange& exchange, const std::string& client,
                                const Wanted& wanted) {
    return Rounds(engine, rules, exchange, client, wanted).run();
}

}  // namespace gatehouse::waf::tool
