#include "waf/core/body_counter.hpp"

#include <algorithm>
#include <utility>

#include "waf/core/multipart_view.hpp"

namespace gatehouse::waf {
namespace {

// What the library adds to a name: ".array_", and a number.
constexpr std::uint64_t kIndex = 14;

// Lines in the head of a part, on average.
constexpr std::uint64_t kHeadLines = 8;

// What a reference inside of an entity counts for.
constexpr std::uint64_t kNested = 1000;

// What an entity of a document type counts for.
constexpr std::uint64_t kOfType = 1'000'000;

// Attributes that a document may get from its type, in terms of what one element may have.
constexpr std::uint64_t kGivenAttributes = 100;

// How often the beginnings of a name may be as long as the names may be together.
constexpr std::uint64_t kBeginnings = 64;

constexpr std::string_view kDashes = "--";  // in front of a boundary

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

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
    : line_start_(std::string(kDashes).append(multipart_boundary(type))), most_(most) {}

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

bool XmlCounter::has_excess_attributes() const noexcept {
    return attributes_ > most_attributes_ || listed_ + declared_ / 2 > most_attributes_ ||
           given_ > most_attributes_ * kGivenAttributes;
}

Excess XmlCounter::append(std::string_view octets) noexcept {
    for (const char c : octets) {
        read(c);
        if (has_excess_attributes()) {
            return Excess::attributes;
        }
        if (references_ > 0 && octets_ > most_entities_ / references_) {
            return Excess::entities;
        }
    }
    return Excess::none;
}

void XmlCounter::read(char c) noexcept {
    ++octets_;
    if (c == '<') {
        attributes_ = keyword_size_ = 0;
        declaration_ = Declaration::none;
        declared_name_follows_ = false;
        given_ += declared_;
        return;
    }
    if (declaration_ != Declaration::none) {
        read_declared(c);
    } else if ((c == '"' || c == '\'') && after_equals_) {
        ++attributes_;
    }
    if (after_ampersand_ && has_entities_ && c != '#') {
        references_ += declaration_ == Declaration::entity ? kNested : 1;
    }
    after_ampersand_ = c == '&';
    after_equals_ = c == '=' || (after_equals_ && is_space(c));
    read_keyword(c);
}

// `b CDATA #IMPLIED c (d|e) 'd'`, `% b`
void XmlCounter::read_declared(char c) noexcept {
    if (declaration_ == Declaration::attributes) {
        listed_ += c == '#' || c == '|' ? 1 : 0;
        declared_ += c == '"' || c == '\'' ? 1 : 0;
    } else if (declared_name_follows_ && !is_space(c)) {
        references_ += c == '%' ? kOfType : 0;
        declared_name_follows_ = false;
    }
}

// `<!ATTLIST`, `<!ENTITY`: whatever follows, which a parser may read on behind.
void XmlCounter::read_keyword(char c) noexcept {
    if (keyword_size_ == keyword_.size() || declaration_ != Declaration::none) {
        return;
    }
    keyword_[keyword_size_++] = c;
    const std::string_view keyword(keyword_.data(), keyword_size_);
    if (keyword == "!DOCTYPE") {
        has_type_ = true;
    } else if (has_type_ && keyword == "!ATTLIST") {
        declaration_ = Declaration::attributes;
    } else if (has_type_ && keyword == "!ENTITY") {
        declaration_ = Declaration::entity;
        declared_name_follows_ = has_entities_ = true;
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
