#include "jwt/core/requirement.hpp"

#include <array>
#include <utility>

namespace gatehouse::jwt {
namespace {

constexpr std::array<std::pair<std::string_view, Operator>, 12> kOperators{{
    {"eq", {Comparison::eq, false}},
    {"ne", {Comparison::eq, true}},
    {"gt", {Comparison::gt, false}},
    {"ge", {Comparison::ge, false}},
    {"lt", {Comparison::lt, false}},
    {"le", {Comparison::le, false}},
    {"in", {Comparison::in, false}},
    {"nin", {Comparison::in, true}},
    {"any", {Comparison::intersect, false}},
    {"intersect", {Comparison::intersect, false}},
    {"nintersect", {Comparison::intersect, true}},
    {"match", {Comparison::match, false}},
}};

bool contains(const json_t* array, const json_t* value) noexcept {
    for (std::size_t i = 0; i < json_array_size(array); ++i) {
        if (equal(json_array_get(array, i), value)) {
            return true;
        }
    }
    return false;
}

// Three-valued, so that a type error cannot turn into a pass when it is negated.
using Outcome = std::optional<bool>;

Outcome is_in(const json_t* actual, const json_t* expected) noexcept {
    if (json_is_array(expected)) {
        return contains(expected, actual);
    }
    const auto name = string_of(actual);
    if (json_is_object(expected) && name) {
        return member(expected, *name) != nullptr;
    }
    return std::nullopt;
}

Outcome intersects(const json_t* actual, const json_t* expected) noexcept {
    if (!json_is_array(expected) || json_is_object(actual)) {
        return std::nullopt;
    }
    if (!json_is_array(actual)) {
        return contains(expected, actual);
    }
    for (std::size_t i = 0; i < json_array_size(actual); ++i) {
        if (contains(expected, json_array_get(actual, i))) {
            return true;
        }
    }
    return false;
}

Outcome ordered(Comparison comparison, const json_t* actual, const json_t* expected) noexcept {
    if (!json_is_number(actual) || !json_is_number(expected)) {
        return std::nullopt;
    }
    const int order = compare_numbers(actual, expected);
    switch (comparison) {
    case Comparison::gt:
        return order > 0;
    case Comparison::ge:
        return order >= 0;
    case Comparison::lt:
        return order < 0;
    default:
        return order <= 0;
    }
}

Outcome matches(const json_t* actual, const json_t* expected,
                const std::optional<Pattern>& compiled) {
    const auto subject = string_of(actual);
    if (!subject) {
        return std::nullopt;
    }
    if (compiled) {
        return compiled->search(*subject);
    }
    const auto expression = string_of(expected);
    if (!expression) {
        return std::nullopt;
    }
    const auto pattern = Pattern::compile(*expression);
    return pattern ? pattern->search(*subject) : std::nullopt;
}

// Whether an expected value of this type can ever satisfy the operator.
bool accepts(Comparison comparison, json_type expected) noexcept {
    switch (comparison) {
    case Comparison::eq:
        return true;
    case Comparison::in:
        return expected == JSON_ARRAY || expected == JSON_OBJECT;
    case Comparison::intersect:
        return expected == JSON_ARRAY;
    case Comparison::match:
        return expected == JSON_STRING;
    default:
        return expected == JSON_INTEGER || expected == JSON_REAL;
    }
}

}  // namespace

Result<Operator> Operator::parse(std::string_view text) {
    const bool negated = text.starts_with('!');
    if (negated) {
        text.remove_prefix(1);
    }
    for (const auto& [name, op] : kOperators) {
        if (name == text) {
            return Operator{op.comparison, op.negated != negated};
        }
    }
    return Error::operator_unknown;
}

Result<Requirement> Requirement::literal(Path path, Operator op, Json expected) {
    if (!expected || !accepts(op.comparison, json_typeof(expected.get()))) {
        return Error::value_type;
    }
    Requirement requirement(std::move(path), op);
    if (op.comparison == Comparison::match) {
        auto pattern = Pattern::compile(*string_of(expected.get()));
        if (!pattern) {
            return pattern.error();
        }
        requirement.pattern_ = std::move(*pattern);
    }
    requirement.expected_ = std::move(expected);
    return requirement;
}

Requirement Requirement::dynamic(Path path, Operator op) {
    return Requirement(std::move(path), op);
}

Result<Requirement> Requirement::dynamic_string(Path path, Operator op) {
    if (!accepts(op.comparison, JSON_STRING)) {
        return Error::value_type;
    }
    Requirement requirement(std::move(path), op);
    requirement.is_string_ = true;
    return requirement;
}

Json Requirement::expected_in(std::string_view text) const {
    if (!is_dynamic()) {
        return expected_;
    }
    if (is_string_) {
        return text.empty() ? Json() : Json(json_stringn(text.data(), text.size()));
    }
    return parse_json(text, JsonLimits{}).value_or(Json());
}

bool Requirement::met_by(const json_t* root, std::string_view text) const {
    const json_t* actual = path_.find(root);
    if (actual == nullptr) {
        return false;
    }
    const Json expected = expected_in(text);
    if (!expected) {
        return false;
    }
    Outcome outcome;
    switch (operator_.comparison) {
    case Comparison::eq:
        outcome = equal(actual, expected.get());
        break;
    case Comparison::in:
        outcome = is_in(actual, expected.get());
        break;
    case Comparison::intersect:
        outcome = intersects(actual, expected.get());
        break;
    case Comparison::match:
        outcome = matches(actual, expected.get(), pattern_);
        break;
    default:
        outcome = ordered(operator_.comparison, actual, expected.get());
        break;
    }
    return outcome.has_value() && *outcome != operator_.negated;
}

}  // namespace gatehouse::jwt
