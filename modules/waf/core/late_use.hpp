#pragma once

#include "waf/core/seclang.hpp"

namespace gatehouse::waf {

// What rules may make of a response once its header has been sent. The library keeps these actions
// to itself, and whether it comes to them is known only when it is too late to keep the octets.
class LateUse {
  public:
    // A directive, in the order of the file: links of a chain run in the phase of its first rule. A
    // phase that is not said here may be any.
    void note(const seclang::Directive& directive);

    // What either has noted.
    void add(const LateUse& other) noexcept;

    // ctl:ruleEngine=On in phase 4
    bool enables_engine() const noexcept { return enables_engine_; }
    // ctl:auditLogParts=+E in phase 4 or 5
    bool audits_body() const noexcept { return audits_body_; }
    // Variables of the body in phase 5
    bool reads_body() const noexcept { return reads_body_; }

  private:
    enum class Phase : char { early, body, logging, any };

    static Phase phase_of(const seclang::Directive& directive);

    Phase phase_ = Phase::early;
    bool chained_ = false;
    bool enables_engine_ = false;
    bool audits_body_ = false;
    bool reads_body_ = false;
};

}  // namespace gatehouse::waf
