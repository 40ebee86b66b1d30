#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "waf/core/limits.hpp"

namespace gatehouse::waf {

// Counts, while a body comes in pieces, what a parser would make of it, before the parser sees it.
// None of them takes more memory than its limit, or refuses what no parser can read: that is the
// parser's affair.

// Names and values between separators.
class FormCounter {
  public:
    FormCounter(char separator, std::uint64_t most) noexcept : separator_(separator), most_(most) {}
    Excess append(std::string_view octets) noexcept;

  private:
    char separator_;
    std::uint64_t most_;
};

// Lines of a multipart body that begin with its boundary, and lines of the heads behind them: to
// unfold a long field costs the square of its lines.
class PartCounter {
  public:
    // `type`: the field Content-Type. Of what follows `boundary=` only the beginning counts that no
    // parser takes for anything else, so that none finds more lines; without it nothing counts.
    PartCounter(std::string_view type, std::uint64_t most);
    Excess append(std::string_view octets) noexcept;

  private:
    void read(std::string_view octets) noexcept;
    void end_line() noexcept;

    std::string line_start_;
    std::size_t length_ = 0;   // of the present line, so far
    std::size_t matched_ = 0;  // octets of line_start_ that it begins with
    bool is_blank_ = true;     // it has nothing but a CR
    bool in_head_ = false;
    std::uint64_t parts_ = 0;
    std::uint64_t head_lines_ = 0;
    std::uint64_t most_;
};

// Attributes of XML elements, which a parser compares with each other: what stands between one `<`
// and the next, as none may be inside of an attribute. And those that a document type gives to
// every element: of them a hundred times as many in the whole document.
class AttributeCounter {
  public:
    explicit AttributeCounter(std::uint64_t most) noexcept : most_(most) {}
    Excess append(std::string_view octets) noexcept;

  private:
    void read(char c) noexcept;

    static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
    std::size_t declaration_ = kNowhere;  // octets of `<!ATTLIST` since the last `<`
    bool in_declaration_ = false;
    bool after_equals_ = false;
    std::uint64_t attributes_ = 0;  // of the present element
    std::uint64_t declared_ = 0;
    std::uint64_t given_ = 0;
    std::uint64_t most_;
};

// The names that libmodsecurity gives to the values of JSON: `json.`, and the names and indices on
// the way. Each name is made of all its beginnings, one after another, so these count, too.
class JsonNameCounter {
  public:
    explicit JsonNameCounter(std::uint64_t most) noexcept : most_(most) {}
    Excess append(std::string_view octets);

  private:
    struct Container {
        std::uint64_t path;        // octets of the path to it
        std::uint64_t beginnings;  // octets of all beginnings of that path
    };

    void read(char c);
    void open();
    void value() noexcept;

    std::vector<Container> containers_;
    std::uint64_t string_ = 0;  // octets of the string that is being read, or was read last
    std::uint64_t name_ = 0;    // of the value to come
    bool in_string_ = false;
    bool escaped_ = false;
    bool in_word_ = false;       // a number, true, false, null
    bool string_ended_ = false;  // and may be a name or a value
    std::uint64_t names_ = 0;
    std::uint64_t beginnings_ = 0;
    std::uint64_t most_;
};

// A body of no such kind.
struct NothingToCount {
    Excess append(std::string_view) const noexcept { return Excess::none; }
};

using BodyCounter =
    std::variant<NothingToCount, FormCounter, PartCounter, AttributeCounter, JsonNameCounter>;

}  // namespace gatehouse::waf
