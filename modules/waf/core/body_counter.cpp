#include "waf/core/body_counter.hpp"

#include <algorithm>
#include <utility>

namespace gatehouse::waf {
namespace {

// What the library adds to a name: ".array_", and a number.
constexpr std::uint64_t kIndex = 14;

// Lines in the head of a part, on average.
constexpr std::uint64_t kHeadLines = 8;

constexpr std::string_view kDeclaration = "<!ATTLIST";

// Attributes that a document may get from its type, in terms of what one element may have.
constexpr std::uint64_t kGivenAttributes = 100;

// How often the beginnings of a name may be as long as the names may be together.
constexpr std::uint64_t kBeginnings = 64;

constexpr std::string_view kDashes = "--";  // in front of a boundary

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool same_letters(char a, char b) noexcept { return (a | 0x20) == (b | 0x20); }

// Behind "boundary" and what leads to its value; empty: there is none.
std::string_view boundary_of(std::string_view type) noexcept {
    constexpr std::string_view kName = "boundary";
    const auto name =
        std::search(type.begin(), type.end(), kName.begin(), kName.end(), same_letters);
    type.remove_prefix(static_cast<std::size_t>(name - type.begin()));
    const std::size_t equals = type.find('=');
    if (equals == type.npos) {
        return {};
    }
    type.remove_prefix(equals + 1);
    type.remove_prefix(std::min(type.find_first_not_of(" \t\"'"), type.size()));
    return type.substr(0, type.find_first_of(" \t\"',;"));
}

}  // namespace

Excess FormCounter::append(std::string_view octets) noexcept {
    const auto found =
        static_cast<std::uint64_t>(std::count(octets.begin(), octets.end(), separator_));
    if (found >= most_) {
        return Excess::arguments;
    }
    most_ -= found;
    return Excess::none;
}

PartCounter::PartCounter(std::string_view type, std::uint64_t most)
    : line_start_(std::string(kDashes).append(boundary_of(type))), most_(most) {}

Excess PartCounter::append(std::string_view octets) noexcept {
    const bool has_boundary = line_start_.size() > kDashes.size();
    while (has_boundary && !octets.empty()) {
        const std::size_t end = octets.find('\n');
        read(octets.substr(0, end));
        if (end == octets.npos) {
            break;
        }
        end_line();
        octets.remove_prefix(end + 1);
    }
    // The last boundary ends the body.
    return parts_ > most_ + 1 || head_lines_ > most_ * kHeadLines ? Excess::parts : Excess::none;
}

void PartCounter::read(std::string_view octets) noexcept {
    if (matched_ == length_) {
        const std::string_view wanted = std::string_view(line_start_).substr(matched_);
        const auto differs =
            std::mismatch(octets.begin(), octets.end(), wanted.begin(), wanted.end());
        matched_ += static_cast<std::size_t>(differs.first - octets.begin());
    }
    length_ += octets.size();
    is_blank_ = is_blank_ && (octets.empty() || octets == "\r");
}

void PartCounter::end_line() noexcept {
    if (matched_ == line_start_.size()) {
        ++parts_;
        in_head_ = true;
    } else if (in_head_) {
        in_head_ = !is_blank_;
        ++head_lines_;
    }
    length_ = matched_ = 0;
    is_blank_ = true;
}

Excess AttributeCounter::append(std::string_view octets) noexcept {
    for (const char c : octets) {
        read(c);
        if (attributes_ > most_ || given_ > most_ * kGivenAttributes) {
            return Excess::attributes;
        }
    }
    return Excess::none;
}

void AttributeCounter::read(char c) noexcept {
    const bool is_quote = c == '"' || c == '\'';
    if (c == '<') {
        attributes_ = 0;
        declaration_ = 0;
        in_declaration_ = false;
        given_ += declared_;
    } else if (is_quote && in_declaration_) {
        ++declared_;  // twice: quotes come in pairs
    } else if (is_quote && after_equals_) {
        ++attributes_;
    }
    after_equals_ = c == '=' || (after_equals_ && is_space(c));
    if (declaration_ < kDeclaration.size()) {
        declaration_ = c == kDeclaration[declaration_] ? declaration_ + 1 : kNowhere;
        in_declaration_ = declaration_ == kDeclaration.size();
    }
}

Excess JsonNameCounter::append(std::string_view octets) {
    for (const char c : octets) {
        read(c);
        if (names_ > most_ || beginnings_ > most_ * kBeginnings ||
            containers_.size() * kIndex > most_) {
            return Excess::json_names;
        }
    }
    return Excess::none;
}

void JsonNameCounter::read(char c) {
    if (in_string_) {
        ++string_;
        in_string_ = escaped_ || c != '"';
        escaped_ = !escaped_ && c == '\\';
        string_ended_ = !in_string_;
        return;
    }
    const bool is_word = std::string_view(" \t\r\n\",:[]{}").find(c) == std::string_view::npos;
    if (is_word && !in_word_) {
        value();
    }
    in_word_ = is_word;
    if (c == '"') {
        in_string_ = true;
        string_ = 0;
    } else if (c == ':') {
        name_ = string_;
        string_ended_ = false;
    } else if (c == '[' || c == '{') {
        open();
    } else if (c == ',' || c == ']' || c == '}') {
        if (string_ended_) {
            value();
        }
        if (c != ',' && !containers_.empty()) {
            containers_.pop_back();
        }
    }
}

void JsonNameCounter::open() {
    const Container above = containers_.empty() ? Container{0, 0} : containers_.back();
    const std::uint64_t path = above.path + kIndex + std::exchange(name_, 0);
    containers_.push_back({path, above.beginnings + path});
    string_ended_ = false;
}

void JsonNameCounter::value() noexcept {
    const Container above = containers_.empty() ? Container{0, 0} : containers_.back();
    names_ += above.path + kIndex + std::exchange(name_, 0);
    beginnings_ += above.beginnings;
    string_ended_ = false;
}

}  // namespace gatehouse::waf
