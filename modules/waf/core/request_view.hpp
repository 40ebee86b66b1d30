#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::waf {

// A request as those read it who get it from nginx, so that engines read the same. Pure: knows
// neither nginx nor an engine.

// A request target (RFC 9112 section 3.2).
struct Target {
    static constexpr std::size_t kNone = std::string::npos;

    // `sent`: in origin form, as nginx hands it on, or in absolute form.
    explicit Target(std::string_view sent);

    std::string authority;  // of the absolute form, without user information; else empty
    std::string text;       // path and query, as sent; of an empty path nginx makes "/"
    std::string path;       // decoded once, up to the fragment
    std::size_t path_end;   // in `text`: of the path, before "?" or "#"
    std::size_t fragment;   // in `text`: the first "#"; kNone: there is none

    // As sent, to the end of the target: a fragment does not belong into it, but nginx passes it
    // on, and to many an application "#" is a character like others. Empty: there is none.
    std::string_view query() const noexcept;

    // Why nobody can tell what the upstream makes of it; empty: it is read in one way.
    std::string_view doubt() const noexcept;
};

// With each %XX made an octet, once.
std::string percent_decoded(std::string_view text);

// Without the blanks and tabs around it (RFC 9110 section 5.5). nginx leaves tabs where they are,
// and on HTTP/2 blanks as well.
std::string_view field_value(std::string_view value) noexcept;

// Names of fields, hosts and media types are the same in either case.
bool same_text(std::string_view a, std::string_view b) noexcept;

// The host of a field Host, without its port and a dot at the end.
std::string_view host_of(std::string_view value) noexcept;

// What a body is, by its Content-Type, to the most lenient receiver: the type may stand anywhere.
enum class BodyKind : std::uint8_t { other, form, multipart };
BodyKind body_kind(std::string_view content_type) noexcept;

// Whether the octets of ASCII are ASCII in a charset. In others (UTF-16, UTF-7, EBCDIC) an attack
// looks like nothing.
bool has_ascii(std::string_view charset) noexcept;

// Why nobody can tell what the characters of a body are, by its Content-Type; empty: they are read.
inline constexpr std::string_view kCharsetDoubt = "the body is in a charset that is not read";
std::string_view charset_doubt(std::string_view content_type) noexcept;

// The value of each cookie without a name ("=value"), which some receivers know and libmodsecurity
// skips.
template <class F>
void for_each_unnamed_cookie(std::string_view field, F&& visit) {
    while (!field.empty()) {
        const std::size_t end = std::min(field.find(';'), field.size());
        const std::string_view cookie = field_value(field.substr(0, end));
        if (cookie.starts_with('=')) {
            visit(cookie.substr(1));
        }
        field.remove_prefix(std::min(end + 1, field.size()));
    }
}

// What the fields of a request say of its body.
class BodyView {
  public:
    // Each field, with its value as field_value() gives it. Throws std::bad_alloc.
    void field(std::string_view name, std::string_view value);

    // Why nobody can tell how the upstream reads the body; empty: it is read in one way.
    std::string_view doubt() const noexcept { return doubt_; }

  private:
    std::optional<std::string> type_;
    std::string_view doubt_;
};

}  // namespace gatehouse::waf
