#include "jwt/core/path.hpp"

#include <charconv>
#include <optional>

namespace gatehouse::jwt {
namespace {

constexpr bool begins_name(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

constexpr bool continues_name(char c) noexcept {
    return begins_name(c) || (c >= '0' && c <= '9') || c == '-';
}

// Takes a JSON string literal, quotes included, off the front of `text`.
std::optional<std::string> take_quoted(std::string_view& text) {
    std::size_t end = 1;
    while (end < text.size() && text[end] != '"') {
        end += text[end] == '\\' ? 2 : 1;
    }
    if (end >= text.size()) {
        return std::nullopt;
    }
    const auto literal = parse_json(text.substr(0, end + 1), JsonLimits{});
    if (!literal) {
        return std::nullopt;
    }
    text.remove_prefix(end + 1);
    return std::string(*string_of(literal->get()));
}

std::optional<std::string> take_name(std::string_view& text) {
    if (text.empty() || !begins_name(text.front())) {
        return std::nullopt;
    }
    std::size_t end = 1;
    while (end < text.size() && continues_name(text[end])) {
        ++end;
    }
    std::string name(text.substr(0, end));
    text.remove_prefix(end);
    return name;
}

std::optional<std::int64_t> take_index(std::string_view& text) {
    std::int64_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error != std::errc{}) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return index;
}

// After the opening bracket.
std::optional<std::variant<std::string, std::int64_t>> take_bracketed(std::string_view& text) {
    std::variant<std::string, std::int64_t> step;
    if (text.starts_with('"')) {
        auto name = take_quoted(text);
        if (!name) {
            return std::nullopt;
        }
        step = std::move(*name);
    } else {
        const auto index = take_index(text);
        if (!index) {
            return std::nullopt;
        }
        step = *index;
    }
    if (!text.starts_with(']')) {
        return std::nullopt;
    }
    text.remove_prefix(1);
    return step;
}

const json_t* element(const json_t* array, std::int64_t index) noexcept {
    if (index < 0) {
        index += static_cast<std::int64_t>(json_array_size(array));
    }
    // json_array_get() returns null beyond the end and for what is no array.
    return index < 0 ? nullptr : json_array_get(array, static_cast<std::size_t>(index));
}

}  // namespace

Path Path::of_names(std::vector<std::string> names) {
    std::vector<Step> steps;
    steps.reserve(names.size());
    for (auto& name : names) {
        steps.emplace_back(std::move(name));
    }
    return Path(std::move(steps));
}

Result<Path> Path::parse_jq(std::string_view text) {
    std::vector<Step> steps;
    while (!text.empty()) {
        const char opener = text.front();
        text.remove_prefix(1);
        if (opener == '.' && text.starts_with('[')) {
            text.remove_prefix(1);  // jq also allows `.[`
        } else if (opener == '.') {
            auto name = text.starts_with('"') ? take_quoted(text) : take_name(text);
            if (!name) {
                return Error::path_syntax;
            }
            steps.emplace_back(std::move(*name));
            continue;
        } else if (opener != '[') {
            return Error::path_syntax;
        }
        auto step = take_bracketed(text);
        if (!step) {
            return Error::path_syntax;
        }
        steps.push_back(std::move(*step));
    }
    if (steps.empty()) {
        return Error::path_syntax;
    }
    return Path(std::move(steps));
}

Result<Path> Path::parse_delimited(std::string_view text, std::string_view delimiter,
                                   std::string_view quote) {
    std::vector<Step> steps;
    for (;;) {
        std::string_view name;
        if (text.starts_with(quote)) {
            text.remove_prefix(quote.size());
            const std::size_t end = text.find(quote);
            if (end == std::string_view::npos) {
                return Error::path_syntax;
            }
            name = text.substr(0, end);
            text.remove_prefix(end + quote.size());
        } else {
            name = text.substr(0, text.find(delimiter));
            text.remove_prefix(name.size());
        }
        if (name.empty()) {
            return Error::path_syntax;
        }
        steps.emplace_back(std::string(name));
        if (text.empty()) {
            return Path(std::move(steps));
        }
        if (!text.starts_with(delimiter)) {
            return Error::path_syntax;
        }
        text.remove_prefix(delimiter.size());
    }
}

const json_t* Path::find(const json_t* root) const noexcept {
    const json_t* value = root;
    for (const Step& step : steps_) {
        if (const auto* name = std::get_if<std::string>(&step)) {
            value = member(value, *name);
        } else {
            value = element(value, *std::get_if<std::int64_t>(&step));
        }
        if (value == nullptr) {
            return nullptr;
        }
    }
    return value;
}

}  // namespace gatehouse::jwt
