#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "ngx/conf.hpp"

namespace gatehouse::ngx {

// A `name=value` parameter of a directive that makes a T.
template <class T>
struct Parameter {
    std::string_view name;
    bool (*read)(std::string_view value, T& made);  // false: malformed
    bool repeatable = false;
};

// Reads the parameters of one directive, each once if it is not repeatable.
template <class T, std::size_t N>
class ParameterReader {
  public:
    explicit constexpr ParameterReader(const std::array<Parameter<T>, N>& parameters) noexcept
        : parameters_(parameters) {}

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
            return parameter.read(*value, made) ? kConfOk : directive.invalid_parameter(text);
        }
        return directive.invalid_parameter(text);
    }

  private:
    const std::array<Parameter<T>, N>& parameters_;
    std::array<bool, N> seen_{};
};

}  // namespace gatehouse::ngx
