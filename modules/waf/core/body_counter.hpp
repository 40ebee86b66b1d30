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

// XML. Attributes of an element, which a parser compares with each other: what stands between one
// `<` and the next, as none may be inside of an attribute. Those that a document type lists, and
// the values that one may have, which a parser compares with each other, too. Those that it gives
// to every element: of them a hundred times as many in the whole document. References to entities,
// which are replaced for each rule that looks: one inside of an entity counts a thousand times. The
// entities of a document type (`%`), which no request has a use for, may stand for declarations,
// and for each other, as often as they like, and a parser does not stop within: one counts a
// million times.
class XmlCounter {
  public:
    XmlCounter(std::uint64_t most_attributes, std::uint64_t most_entities) noexcept
        : most_attributes_(most_attributes), most_entities_(most_entities) {}
    Excess append(std::string_view octets) noexcept;

  private:
    enum class Declaration : std::uint8_t { none, attributes, entity };

    bool has_excess_attributes() const noexcept;
    void read(char c) noexcept;
    void read_declared(char c) noexcept;
    void read_keyword(char c) noexcept;

    std::array<char, 8> keyword_{};  // what stands behind the last `<`
    std::size_t keyword_size_ = 0;
    bool has_type_ = false;
    Declaration declaration_ = Declaration::none;
    bool declared_name_follows_ = false;
    bool has_entities_ = false;
    bool after_ampersand_ = false;
    bool after_equals_ = false;
    std::uint64_t octets_ = 0;
    std::uint64_t attributes_ = 0;  // of the present element
    std::uint64_t listed_ = 0;      // by the document type: attributes without a value, and values
    std::uint64_t declared_ = 0;    // attributes with a value: its quotes
    std::uint64_t given_ = 0;
    std::uint64_t references_ = 0;
    std::uint64_t most_attributes_;
    std::uint64_t most_entities_;
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
    std::variant<NothingToCount, FormCounter, PartCounter, XmlCounter, JsonNameCounter>;

}  // namespace gatehouse::waf
