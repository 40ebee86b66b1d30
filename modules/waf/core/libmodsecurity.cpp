#include "waf/core/libmodsecurity.hpp"

#include <openssl/rand.h>

#include <array>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "waf/core/allocation_watch.hpp"
#include "waf/core/child.hpp"
#include "waf/core/libmodsecurity_rules.hpp"
#include "waf/core/libmodsecurity_transaction.hpp"
#include "waf/core/rule_cache.hpp"
#include "waf/core/rule_files.hpp"
#include "waf/core/rule_problem.hpp"
#include "waf/core/rule_text.hpp"

namespace gatehouse::waf {
namespace {

using CompiledPtr = std::shared_ptr<Compiled>;

class LibraryEngine final : public Engine {
  public:
    explicit LibraryEngine(std::string_view connector) {
        library_.setConnectorInformation(std::string(connector));
        library_.setServerLogCb(
            LibraryTransaction::matched,
            modsecurity::RuleMessageLogProperty | modsecurity::IncludeFullHighlightLogProperty);
        version_ = library_.whoAmI();
    }

    Loaded load(std::span<const RuleSource> sources) override;
    Loaded merge(const RuleSetPtr& inner, const RuleSetPtr& outer) override;
    std::unique_ptr<Transaction> begin(const RuleSetPtr& rules, std::string_view id,
                                       Transaction::Observer& observer) override;
    std::string_view version() const noexcept override { return version_; }

  private:
    modsecurity::ModSecurity library_;
    std::string version_;
    RuleCache<Fingerprint, Compiled> loaded_;
    RuleCache<std::pair<const Compiled*, const Compiled*>, Compiled> merged_;
};

// Every set is ours.
const LibraryRuleSet& ours(const RuleSetPtr& rules) noexcept {
    return static_cast<const LibraryRuleSet&>(*rules);
}

// What the library throws is a problem of its own; that memory is short, one of the process.
template <class F>
std::string problem_of(F&& call) {
    const AllocationWatch watch;
    try {
        std::string problem = call();
        if (watch.failed()) {
            throw std::bad_alloc();
        }
        return problem;
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        return std::string("the rule engine has failed: ") + error.what();
    } catch (...) {
        return "the rule engine has failed";
    }
}

// A download that fails says why only to the directive that downloads, which wants words without
// blanks. Empty: there is nothing to say.
std::string download_problem(std::string_view key, std::string_view url) {
    std::string text = "SecRemoteRulesFailAction Abort\nSecRemoteRules ";
    text.append(key).append(" ").append(url);
    modsecurity::RulesSet rules;
    rules.load(text.c_str());
    const std::string said = rules.getParserError();
    constexpr std::string_view kReason = " - Failed to download: ";
    const std::size_t at = said.find(kReason);
    return at == std::string::npos
               ? std::string()
               : "cannot download the rules: " + said.substr(at + kReason.size());
}

// SecRemoteRules whose server is not there is passed over, unless SecRemoteRulesFailAction says
// Abort, which should be its default.
std::string missing_rules(const RuleFiles& files) {
    bool tolerated = false;
    std::string problem;
    files.any_statement([&](std::size_t file, const Statement& statement) {
        std::string_view arguments = statement.text;
        const std::string_view directive = take_word(arguments);
        const std::string_view first = take_word(arguments);
        if (same_word(directive, "SecRemoteRulesFailAction")) {
            tolerated = same_word(first, "Warn");
        } else if (same_word(directive, "SecRemoteRules") && !tolerated) {
            problem = download_problem(first, take_word(arguments));
            if (!problem.empty()) {
                problem = files.place(file, statement.line) + ": " + problem;
            }
        }
        return !problem.empty();
    });
    return problem;
}

// SecRuleUpdateTargetBy... at the end of a text, or with a mistake, leaves the parser of the
// process where the next rule is taken for a target.
void settle_parser() {
    modsecurity::RulesSet nothing;
    nothing.load("SecRuleUpdateTargetById 1 \"!ARGS\"\n");
}

int load_source(modsecurity::RulesSet& rules, const RuleSource& source) {
    switch (source.kind) {
    case RuleSource::Kind::text:
        return rules.load(source.value.c_str());
    case RuleSource::Kind::file:
        return rules.loadFromUri(source.value.c_str());
    case RuleSource::Kind::remote:
        return rules.loadRemote(source.key.c_str(), source.value.c_str());
    }
    return -1;
}

// An audit log that cannot be written does not show in the return value.
std::string compile_source(Compiled& compiled, const RuleFiles& files, const RuleSource& source,
                           std::size_t index) {
    modsecurity::RulesSet& rules = compiled.library();
    settle_parser();
    const int result = load_source(rules, source);
    std::string said = rules.getParserError();
    if (result >= 0 && said.empty()) {
        if (source.kind == RuleSource::Kind::text) {
            compiled.note_text_rules(index);
        }
        return {};
    }
    if (said.empty() && source.kind == RuleSource::Kind::remote) {
        const std::string problem = download_problem(source.key, source.value);
        return problem.empty() ? "cannot download the rules" : problem;
    }
    return said.empty() ? "the rule engine has failed" : describe_problem(said, files, index);
}

// The parser's state is that of the process, and nothing puts it in order again after an exception:
// the next parser would go on in files that are gone.
bool parser_broken = false;

std::string compile(Compiled& compiled, const RuleFiles& files,
                    std::span<const RuleSource> sources) {
    if (parser_broken) {
        return "the rule engine has failed before and must be started anew";
    }
    parser_broken = true;
    std::string problem;
    for (std::size_t i = 0; i < sources.size() && problem.empty(); ++i) {
        problem = compile_source(compiled, files, sources[i], i);
    }
    compiled.complete();
    parser_broken = false;
    return problem;
}

// The library waits for servers as long as they like, and what they send may end the process.
std::string try_compile(const RuleFiles& files, std::span<const RuleSource> sources) {
    constexpr std::chrono::seconds kMost{10};
    Tried tried = try_in_child(
        [&] {
            Compiled compiled(sources.size());
            return problem_of([&] {
                std::string problem = missing_rules(files);
                return problem.empty() ? compile(compiled, files, sources) : problem;
            });
        },
        kMost);
    return tried.done ? std::move(tried.text) : "cannot load the rules: " + tried.text;
}

Loaded LibraryEngine::load(std::span<const RuleSource> sources) {
    const RuleFiles files(sources);
    if (!files.problem().empty()) {
        return {nullptr, files.problem()};
    }
    CompiledPtr compiled = files.fingerprint() ? loaded_.find(*files.fingerprint()) : nullptr;
    if (!compiled) {
        compiled = std::make_shared<Compiled>(sources.size());
        std::string problem = files.fingerprint() ? std::string() : try_compile(files, sources);
        if (problem.empty()) {
            problem = problem_of([&] { return compile(*compiled, files, sources); });
        }
        if (!problem.empty()) {
            return {nullptr, std::move(problem)};
        }
        // Files that were changed meanwhile may be half of this and half of that.
        if (files.fingerprint() && RuleFiles(sources).fingerprint() == files.fingerprint()) {
            loaded_.insert(*files.fingerprint(), compiled);
        }
    }
    std::vector<std::string> places;
    for (const RuleSource& source : sources) {
        places.push_back(source.place);
    }
    return {std::make_shared<LibraryRuleSet>(std::move(compiled), std::move(places)), {}};
}

// The audit log and the Unicode map are the only properties of which the library lets the outer
// win.
std::string merge_into(Compiled& merged, Compiled& inner, Compiled& outer) {
    modsecurity::RulesSet& rules = merged.library();
    const bool added = rules.merge(&inner.library()) >= 0 && rules.merge(&outer.library()) >= 0;
    std::string problem = rules.getParserError();
    if (problem.empty() && !added) {
        problem = "the rule engine has failed";
    }
    if (problem.empty()) {
        rules.m_auditLog->merge(inner.library().m_auditLog, &problem);
        rules.m_unicodeMapTable.merge(&inner.library().m_unicodeMapTable);
        merged.complete();
    }
    return problem;
}

std::string duplicate_problem(const LibraryRuleSet& inner, const LibraryRuleSet& outer,
                              std::int64_t id) {
    const auto first = outer.compiled()->find(id);
    const auto second = inner.compiled()->find(id);
    return inner.describe(*second) + ": rule id " + std::to_string(id) +
           " is duplicated, first at " + outer.describe(*first);
}

Loaded LibraryEngine::merge(const RuleSetPtr& inner, const RuleSetPtr& outer) {
    if (!inner || !outer) {
        return {inner ? inner : outer, {}};
    }
    const LibraryRuleSet& near = ours(inner);
    const LibraryRuleSet& far = ours(outer);
    const std::pair<const Compiled*, const Compiled*> key(near.compiled().get(),
                                                          far.compiled().get());
    CompiledPtr merged = merged_.find(key);
    if (!merged) {
        if (const auto id = Compiled::common_id(*near.compiled(), *far.compiled())) {
            return {nullptr, duplicate_problem(near, far, *id)};
        }
        merged = std::make_shared<Compiled>(near.compiled(), far.compiled());
        std::string problem =
            problem_of([&] { return merge_into(*merged, *near.compiled(), *far.compiled()); });
        if (!problem.empty()) {
            return {nullptr, std::move(problem)};
        }
        merged_.insert(key, merged);
    }
    std::vector<std::string> places = near.places();
    places.insert(places.end(), far.places().begin(), far.places().end());
    return {std::make_shared<LibraryRuleSet>(std::move(merged), std::move(places)), {}};
}

// The library's own numbers take it long and come again within minutes.
std::optional<std::string> random_id() {
    std::array<unsigned char, 16> octets{};
    if (RAND_bytes(octets.data(), static_cast<int>(octets.size())) != 1) {
        return std::nullopt;
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string id;
    for (const unsigned char octet : octets) {
        id += kDigits[octet >> 4];
        id += kDigits[octet & 15];
    }
    return id;
}

std::unique_ptr<Transaction> LibraryEngine::begin(const RuleSetPtr& rules, std::string_view id,
                                                  Transaction::Observer& observer) {
    const AllocationWatch watch;
    try {
        auto name = id.empty() ? random_id() : std::string(id);
        if (!name) {
            return nullptr;
        }
        auto transaction = std::make_unique<LibraryTransaction>(library_, ours(rules).compiled(),
                                                                std::move(*name), observer);
        if (watch.failed()) {
            return nullptr;
        }
        return transaction;
    } catch (...) {
        return nullptr;
    }
}

}  // namespace

std::unique_ptr<Engine> make_libmodsecurity(std::string_view connector) {
    auto engine = std::make_unique<LibraryEngine>(connector);
    // The name of the shared object stays the same while the objects in it change.
    if (engine->version().find("v" MODSECURITY_VERSION) == std::string_view::npos) {
        return nullptr;
    }
    return engine;
}

}  // namespace gatehouse::waf
