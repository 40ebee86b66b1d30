#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::waf::tool {

struct OptionWord {
    std::string_view name;  // --name
    bool takes_value = false;
};

// The arguments behind a command, each of which is an option of these or an operand.
class Options {
  public:
    // Nothing with the reason in `problem` if an option is unknown, lacks its value or has one that
    // it does not take. Both --name value and --name=value are understood, and -- ends them.
    static std::optional<Options> parse(std::span<const std::string_view> arguments,
                                        std::span<const OptionWord> words, std::string& problem);

    bool has(std::string_view name) const noexcept;
    // The last one counts.
    std::optional<std::string> value(std::string_view name) const;
    std::vector<std::string> values(std::string_view name) const;
    const std::vector<std::string>& operands() const noexcept { return operands_; }

  private:
    std::vector<std::pair<std::string_view, std::string>> options_;
    std::vector<std::string> operands_;
};

}  // namespace gatehouse::waf::tool
