#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::waf {

// Of the field Content-Type of a multipart body what any receiver takes for the beginning of its
// boundary; empty: there is none.
std::string_view multipart_boundary(std::string_view type) noexcept;

// The parts of a multipart/form-data body (RFC 7578) as receivers read them. Views into the body.
class MultipartView {
  public:
    MultipartView(std::string_view body, std::string_view boundary);

    // The values that have line breaks, of parts that are no files.
    const std::vector<std::string_view>& texts() const noexcept { return texts_; }

    // Why nobody can tell how the upstream reads the body; empty: it is read in one way.
    std::string_view doubt() const noexcept { return doubt_; }

  private:
    void read_part(std::string_view part);

    std::vector<std::string_view> texts_;
    std::string_view doubt_;
};

}  // namespace gatehouse::waf
