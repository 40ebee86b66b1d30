#pragma once

#include "waf/core/deadline.hpp"
#include "waf/core/limits.hpp"

namespace gatehouse::waf {

// libmodsecurity looks neither at the time that it takes nor, in 3.0.9, at what PCRE2 says of
// patterns that it has given up. What it can spend a long time in, it calls through the dynamic
// linker: patterns are matched by PCRE2, XML is parsed by libxml2, octets are removed one by one by
// std::string::erase(), and a rule goes on with all of its variables, each of which may match.
// These calls lead to functions that come to an end when time is over.

// Puts those functions in place, once for the process and before its first transaction; false: the
// library does not call what is to be replaced, and would be bounded by nothing.
bool bound_libmodsecurity() noexcept;

// A step of the library that is bounded.
class BoundedStep {
  public:
    // As Deadline.
    BoundedStep(Deadline::Microseconds& left, Deadline::OnExpiry on_expiry, void* context) noexcept;

    // What it has exceeded so far. Once it has, nothing that the library says is worth anything.
    Excess excess() const noexcept;

  private:
    Deadline deadline_;
};

}  // namespace gatehouse::waf
