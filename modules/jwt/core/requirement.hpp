#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "jwt/core/error.hpp"
#include "jwt/core/json.hpp"
#include "jwt/core/path.hpp"

namespace gatehouse::jwt {

enum class Comparison : std::uint8_t { eq, gt, ge, lt, le, in, intersect, match };

// An operator as it is written in the configuration: eq ne gt ge lt le in nin any intersect
// nintersect match, each also with `!` before it. A doubled negation (`!ne`) is none.
struct Operator {
    Comparison comparison;
    bool negated;

    // Error: operator_unknown.
    static Result<Operator> parse(std::string_view text);
};

// A regular expression with bounded work and memory (PCRE2's match, depth and heap limits).
class Pattern {
  public:
    // Errors: pattern_syntax, internal.
    static Result<Pattern> compile(std::string_view expression);

    Pattern(Pattern&&) noexcept;
    Pattern& operator=(Pattern&&) noexcept;
    ~Pattern();

    // Whether the expression is found in `subject`; nothing if a limit was hit or UTF-8 is invalid.
    std::optional<bool> search(std::string_view subject) const;

  private:
    struct State;
    explicit Pattern(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// `auth_jwt_require_claim` or `auth_jwt_require_header`: a path, an operator and what is expected
// there.
class Requirement {
  public:
    // A literal expected value. Errors: value_type (it can never fit the operator), pattern_syntax.
    static Result<Requirement> literal(Path path, Operator op, Json expected);

    // The expected value becomes known with each request, as JSON text.
    static Requirement dynamic(Path path, Operator op);

    // The same, as the text of a string; none if it is empty. Error: value_type (a string can never
    // fit the operator).
    static Result<Requirement> dynamic_string(Path path, Operator op);

    bool is_dynamic() const noexcept { return !expected_; }

    // Whether there is a value to compare in `root` (the claims, or the header).
    bool finds(const json_t* root) const noexcept { return path_.find(root) != nullptr; }

    // Whether `root` meets the requirement. `text` is what is expected by a dynamic requirement and
    // ignored otherwise. False if the value is missing or nothing is expected, and if the types do
    // not fit the operator, negated or not.
    bool met_by(const json_t* root, std::string_view text) const;

  private:
    Requirement(Path path, Operator op) : path_(std::move(path)), operator_(op) {}
    Json expected_in(std::string_view text) const;

    Path path_;
    Operator operator_;
    Json expected_;
    bool is_string_ = false;  // what is expected with each request
    std::optional<Pattern> pattern_;
};

}  // namespace gatehouse::jwt
