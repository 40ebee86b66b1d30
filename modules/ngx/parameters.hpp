#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "ngx/conf.hpp"

namespace gatehouse::ngx {

// A `name=value` parameter of a directive that makes a T.
template <class T>
struct Parameter {
    std::string_view name;
    bool (*read)(std::string_view value, T& made);  // false: malformed
    bool repeatable = false;
    std::string_view hint = {};  // what `value` must be
};

// For a parameter, with or without a value, that is written here by mistake: what to write instead.
struct Mistake {
    std::string_view name;
    std::string_view hint;
};

// Empty if it is none of these.
constexpr std::string_view hint_for(std::span<const Mistake> mistakes,
                                    std::string_view parameter) noexcept {
    for (const Mistake& mistake : mistakes) {
        if (parameter.substr(0, parameter.find('=')) == mistake.name) {
            return mistake.hint;
        }
    }
    return {};
}

// Reads the parameters of one directive, each once if it is not repeatable.
template <class T, std::size_t N>
class ParameterReader {
  public:
    explicit constexpr ParameterReader(const std::array<Parameter<T>, N>& parameters,
                                       std::span<const Mistake> mistakes = {}) noexcept
        : parameters_(parameters), mistakes_(mistakes) {}

    ConfResult read(const Directive& directive, std::string_view text, T& made) {
        for (std::size_t i = 0; i < N; ++i) {
            const Parameter<T>& parameter = parameters_[i];
            const auto value = named_value(text, parameter.name);
            if (!value) {
                continue;
            }
            if (seen_[i] && !parameter.repeatable) {
                return directive.duplicate_parameter(parameter.name);
            }
            seen_[i] = true;
            return parameter.read(*value, made) ? kConfOk
                                                : directive.invalid_parameter(text, parameter.hint);
        }
        return directive.invalid_parameter(text, hint_for(mistakes_, text));
    }

  private:
    const std::array<Parameter<T>, N>& parameters_;
    std::span<const Mistake> mistakes_;
    std::array<bool, N> seen_{};
};

}  // namespace gatehouse::ngx
