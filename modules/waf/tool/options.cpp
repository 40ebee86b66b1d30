#include "waf/tool/options.hpp"

#include <algorithm>
#include <utility>

namespace gatehouse::waf::tool {

std::optional<Options> Options::parse(std::span<const std::string_view> arguments,
                                      std::span<const OptionWord> words, std::string& problem) {
    Options parsed;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--") {
            parsed.operands_.insert(parsed.operands_.end(),
                                    arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                    arguments.end());
            break;
        }
        if (!argument.starts_with("--")) {
            parsed.operands_.emplace_back(argument);
            continue;
        }
        const std::size_t equals = argument.find('=');
        const auto word = std::find_if(words.begin(), words.end(), [&](const OptionWord& each) {
            return each.name == argument.substr(0, equals);
        });
        const bool has_value = equals != argument.npos;
        if (word == words.end()) {
            problem = "unknown option \"" + std::string(argument.substr(0, equals)) + '"';
            return std::nullopt;
        }
        if (!word->takes_value && has_value) {
            problem = std::string(word->name) + " takes no value";
            return std::nullopt;
        }
        if (word->takes_value && !has_value && i + 1 == arguments.size()) {
            problem = std::string(word->name) + " needs a value";
            return std::nullopt;
        }
        std::string_view value;
        if (word->takes_value) {
            value = has_value ? argument.substr(equals + 1) : arguments[++i];
        }
        parsed.options_.emplace_back(word->name, value);
    }
    return parsed;
}

bool Options::has(std::string_view name) const noexcept {
    return std::any_of(options_.begin(), options_.end(),
                       [&](const auto& option) { return option.first == name; });
}

std::vector<std::string> Options::values(std::string_view name) const {
    std::vector<std::string> found;
    for (const auto& [option, value] : options_) {
        if (option == name) {
            found.push_back(value);
        }
    }
    return found;
}

std::optional<std::string> Options::value(std::string_view name) const {
    std::vector<std::string> found = values(name);
    return found.empty() ? std::nullopt : std::optional<std::string>(std::move(found.back()));
}

}  // namespace gatehouse::waf::tool
