#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "jwt/core/error.hpp"
#include "jwt/core/json.hpp"

namespace gatehouse::jwt {

// Where a value is inside claims or a JOSE header. Built while the configuration is read; following
// it costs one lookup a step and allocates nothing.
class Path {
  public:
    // Successive member names, taken literally.
    static Path of_names(std::vector<std::string> names);

    // jq-like: `.name`, `."any name"` (JSON string escapes), `["any name"]`, `[3]`, `[-1]` (from
    // the end), in any sequence, beginning with `.` or `[`. A bare name is a letter or underscore,
    // then letters, digits, underscores and hyphens. Error: path_syntax.
    static Result<Path> parse_jq(std::string_view text);

    // Member names separated by `delimiter`; a name in `quote`s may contain it. Neither may be
    // empty. Error: path_syntax (empty name, unpaired quote, text after a closing quote).
    static Result<Path> parse_delimited(std::string_view text, std::string_view delimiter,
                                        std::string_view quote);

    static bool looks_like_jq(std::string_view text) noexcept {
        return text.starts_with('.') || text.starts_with('[');
    }

    // The value under `root`, borrowed from it; null if a step does not exist or does not apply.
    const json_t* find(const json_t* root) const noexcept;

  private:
    using Step = std::variant<std::string, std::int64_t>;
    explicit Path(std::vector<Step> steps) : steps_(std::move(steps)) {}

    std::vector<Step> steps_;
};

}  // namespace gatehouse::jwt
