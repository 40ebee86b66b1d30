#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::waf {

// Of the field Content-Type of a multipart body what any receiver takes for the beginning of its
// boundary; empty: there is none.
std::string_view multipart_boundary(std::string_view type) noexcept;

// A part that is no file: its name, and its content with the line breaks in it.
struct MultipartField {
    std::string name;
    std::string_view text;
};

// The fields of a multipart/form-data body (RFC 7578), told from its files as libmodsecurity tells
// them. Views into the body.
class MultipartView {
  public:
    MultipartView(std::string_view body, std::string_view boundary);

    // Of parts with a boundary behind them, in their order, up to the last boundary. Without those
    // whose Content-Disposition the library does not read: it says so itself.
    const std::vector<MultipartField>& fields() const noexcept { return fields_; }

    // Why nobody can tell how the upstream reads the body; empty: it is read in one way.
    std::string_view doubt() const noexcept { return doubt_; }

  private:
    void read_part(std::string_view part);

    std::vector<MultipartField> fields_;
    std::string_view doubt_;
};

}  // namespace gatehouse::waf
