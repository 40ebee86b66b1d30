#pragma once

#include <string_view>

namespace gatehouse::waf {

// Why nobody can tell how the upstream reads a body that the library's parsers take; empty: it is
// read in one way. `content_type`: the field, empty if there is none. A body that no parser takes
// is no doubt: the library says so.

// JSON (RFC 8259): its charset, and escapes that the library's parser reads otherwise than others.
std::string_view json_doubt(std::string_view content_type, std::string_view body) noexcept;

// XML 1.0: its charset, which the first octets and the declaration tell as well, and attributes
// that nobody has written in the element that has them.
std::string_view xml_doubt(std::string_view content_type, std::string_view body) noexcept;

}  // namespace gatehouse::waf
