#include "waf/core/libmodsecurity.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "waf/core/allocation_watch.hpp"
#include "waf/core/child.hpp"
#include "waf/core/download.hpp"
#include "waf/core/libmodsecurity_bounds.hpp"
#include "waf/core/libmodsecurity_rules.hpp"
#include "waf/core/libmodsecurity_transaction.hpp"
#include "waf/core/rule_cache.hpp"
#include "waf/core/rule_files.hpp"
#include "waf/core/rule_problem.hpp"

namespace gatehouse::waf {
namespace {

using CompiledPtr = std::shared_ptr<Compiled>;

// What may never come back must do so within this.
constexpr std::chrono::seconds kMostTrial{10};

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

// SecRuleUpdateTargetBy... at the end of a text, or with a mistake, leaves the parser of the
// process where the next rule is taken for a target.
void settle_parser() {
    modsecurity::RulesSet nothing;
    nothing.load("SecRuleUpdateTargetById 1 \"!ARGS\"\n");
}

int load_source(modsecurity::RulesSet& rules, const RuleSource& source,
                const std::string& downloaded) {
    switch (source.kind) {
    case RuleSource::Kind::text:
        return rules.load(source.value.c_str());
    case RuleSource::Kind::file:
        return rules.loadFromUri(source.value.c_str());
    case RuleSource::Kind::remote:
        return rules.load(downloaded.c_str(), source.value);
    }
    return -1;
}

// An audit log that cannot be written does not show in the return value.
std::string compile_source(Compiled& compiled, const RuleFiles& files, const RuleSource& source,
                           std::size_t index) {
    modsecurity::RulesSet& rules = compiled.library();
    settle_parser();
    const int result = load_source(rules, source, files.downloaded(index));
    std::string said = rules.getParserError();
    if (result >= 0 && said.empty()) {
        compiled.note_source(index);
        return {};
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
    compiled.note_late_use(files.late_use());
    compiled.complete();
    parser_broken = false;
    return problem;
}

// What servers and scripts are taken for rules may end the process, or never end.
std::string try_compile(const RuleFiles& files, std::span<const RuleSource> sources) {
    Tried tried = try_in_child(
        [&] {
            Compiled compiled(sources.size());
            return problem_of([&] { return compile(compiled, files, sources); });
        },
        kMostTrial);
    return tried.done ? std::move(tried.text) : "cannot load the rules: " + tried.text;
}

bool is_remote(const RuleSource& source) noexcept {
    return source.kind == RuleSource::Kind::remote;
}

// Of each source that is remote the text; the others have none.
std::string fetch(std::span<const RuleSource> sources, std::vector<std::string>& texts) {
    for (const RuleSource& source : sources) {
        Tried tried{true, {}};
        if (is_remote(source)) {
            tried = download(source.key, source.value, kMostTrial);
        }
        if (!tried.done) {
            return "cannot download the rules: " + tried.text;
        }
        texts.push_back(std::move(tried.text));
    }
    return {};
}

Loaded LibraryEngine::load(std::span<const RuleSource> sources) {
    std::vector<std::string> downloads;
    if (std::string problem = fetch(sources, downloads); !problem.empty()) {
        return {nullptr, std::move(problem)};
    }
    const RuleFiles files(sources, downloads);
    if (!files.problem().empty()) {
        return {nullptr, files.problem()};
    }
    CompiledPtr compiled = files.fingerprint() ? loaded_.find(*files.fingerprint()) : nullptr;
    if (!compiled) {
        compiled = std::make_shared<Compiled>(sources.size());
        const bool is_safe =
            files.fingerprint() && std::none_of(sources.begin(), sources.end(), is_remote);
        std::string problem = is_safe ? std::string() : try_compile(files, sources);
        if (problem.empty()) {
            problem = problem_of([&] { return compile(*compiled, files, sources); });
        }
        if (!problem.empty()) {
            return {nullptr, std::move(problem)};
        }
        // Files that were changed meanwhile may be half of this and half of that.
        if (files.fingerprint() &&
            RuleFiles(sources, downloads).fingerprint() == files.fingerprint()) {
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
    const std::string place = inner.describe(*second);
    const std::string first_place = outer.describe(*first);
    std::string problem = place + ": rule id " + std::to_string(id) + " is duplicated, ";
    return place != first_place
               ? problem + "first at " + first_place
               : describe_twice(problem, inner.directive_of(*second), outer.directive_of(*first));
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
    watch_log_files();
    auto engine = std::make_unique<LibraryEngine>(connector);
    // The name of the shared object stays the same while the objects in it change.
    const bool fits = engine->version().find("v" MODSECURITY_VERSION) != std::string_view::npos;
    return fits && bound_libmodsecurity() ? std::move(engine) : nullptr;
}

}  // namespace gatehouse::waf
