#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "waf/core/engine.hpp"
#include "waf/core/late_use.hpp"
#include "waf/core/libmodsecurity_api.hpp"
#include "waf/core/library_debug_log.hpp"

namespace gatehouse::waf {

// What the library calls the file of rules that are the text of a directive.
inline constexpr std::string_view kTextReference = "<<reference missing or not informed>>";

// SecLang's phase 1 is that of the request's headers, behind phases of the library's own.
inline constexpr int kPhasesBefore = modsecurity::Phases::RequestHeadersPhase - 1;

// Rules that the library has compiled, and what is asked of them often. Shared by all places of the
// configuration that say the same; the library's rules themselves are shared between sets, so that
// a merged one costs little more than pointers to them.
class Compiled {
  public:
    // Both own what they were made of: a cache may know them by it.
    explicit Compiled(std::size_t sources) : sources_(sources) {}
    Compiled(std::shared_ptr<Compiled> inner, std::shared_ptr<Compiled> outer)
        : inner_(std::move(inner)),
          outer_(std::move(outer)),
          sources_(inner_->sources_ + outer_->sources_) {}

    // The library does not know const.
    modsecurity::RulesSet& library() noexcept { return library_; }

    // Why the audit log lacks what it was to have last; empty: it does not.
    std::string take_log_problem() noexcept { return debug_log_.take_problem(); }

    // How many directives the rules come from.
    std::size_t sources() const noexcept { return sources_; }

    // Takes note of the rules with an operator that the directive with that number has brought. The
    // library does not tell, and gives those that are text no file.
    void note_source(std::size_t source);

    // What the library does not tell of the rules.
    void note_late_use(const LateUse& use) noexcept { late_use_.add(use); }

    // Once the rules are complete: takes note of the facts below, and holds on to the audit log.
    void complete();

    std::size_t rules() const noexcept { return rules_; }
    bool has_phase(int phase) const noexcept;
    bool heeds_response() const noexcept { return heeds_response_; }
    bool heeds_response_body() const noexcept { return heeds_response_body_; }
    std::vector<LogFile> log_files() const;
    bool writes_audit_log() const noexcept;
    const LateUse& late_use() const noexcept { return late_use_; }

    // Whether the text of a message is of a rule that drops the connection.
    bool closes(std::string_view message) const noexcept;

    // A rule with an operator. (Unconditional rules may share ids, as far as the library cares.)
    struct Place {
        std::string file;
        int line = 0;
        std::size_t source = 0;  // which directive has brought it
    };
    std::optional<Place> find(std::int64_t id);

    // An id that rules of both have.
    static std::optional<std::int64_t> common_id(Compiled& a, Compiled& b);

  private:
    template <class F>
    void for_each_rule(F&& visit);

    std::shared_ptr<Compiled> inner_;
    std::shared_ptr<Compiled> outer_;
    modsecurity::RulesSet library_;
    LibraryDebugLog& debug_log_ = LibraryDebugLog::put_into(library_);
    std::size_t sources_;
    std::unordered_map<std::int64_t, std::size_t> source_of_;  // by id
    std::size_t rules_ = 0;
    std::array<bool, modsecurity::Phases::NUMBER_OF_PHASES> used_{};
    std::vector<std::string> closing_;  // marks of the rules that drop
    LateUse late_use_;
    bool heeds_response_ = true;
    bool heeds_response_body_ = true;
};

// Compiled rules in one place of the configuration.
class LibraryRuleSet final : public RuleSet {
  public:
    // `places`: of the directives, as many as compiled->sources().
    LibraryRuleSet(std::shared_ptr<Compiled> compiled, std::vector<std::string> places)
        : compiled_(std::move(compiled)), places_(std::move(places)) {}

    Mode mode() const noexcept override;
    std::size_t rules() const noexcept override { return compiled_->rules(); }
    bool has_phase(int phase) const noexcept override { return compiled_->has_phase(phase); }
    bool heeds_response() const noexcept override { return compiled_->heeds_response(); }
    bool heeds_response_body() const noexcept override { return compiled_->heeds_response_body(); }
    std::vector<LogFile> log_files() const override { return compiled_->log_files(); }
    bool reads_request_body() const noexcept override;
    bool reads_response_body() const noexcept override;
    bool reads_response_type(std::string_view type) const noexcept override;
    std::uint64_t request_body_limit() const noexcept override;
    std::uint64_t response_body_limit() const noexcept override;

    const std::shared_ptr<Compiled>& compiled() const noexcept { return compiled_; }
    const std::vector<std::string>& places() const noexcept { return places_; }

    // FILE:LINE of a rule; for one in a directive's text, where the directive is and the line in
    // its text.
    std::string describe(const Compiled::Place& place) const;
    // Where the directive is.
    std::string_view directive_of(const Compiled::Place& place) const;

  private:
    std::shared_ptr<Compiled> compiled_;
    std::vector<std::string> places_;
};

// "conf:12, line 3 of the rules"
std::string describe_text_line(std::string_view place, std::string_view line);

}  // namespace gatehouse::waf
