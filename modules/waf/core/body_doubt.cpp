#include "waf/core/body_doubt.hpp"

#include <algorithm>
#include <charconv>

#include "waf/core/request_view.hpp"

namespace gatehouse::waf {
namespace {

constexpr std::size_t kAbsent = std::string_view::npos;
constexpr std::string_view kXmlBlanks = " \t\r\n";

// The code unit behind `\\u`; 0: there is none.
unsigned code_unit(std::string_view escape) noexcept {
    constexpr std::size_t kSize = 6;
    unsigned unit = 0;
    if (escape.size() < kSize || !escape.starts_with("\\u") ||
        std::from_chars(escape.data() + 2, escape.data() + kSize, unit, 16).ptr !=
            escape.data() + kSize) {
        return 0;
    }
    return unit;
}

bool is_high_surrogate(unsigned unit) noexcept { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low_surrogate(unsigned unit) noexcept { return unit >= 0xDC00 && unit <= 0xDFFF; }

bool is_ascii_text(char c) noexcept {
    return (c >= ' ' && c <= '~') || kXmlBlanks.find(c) != kAbsent;
}

// `<?xml version="1.0" encoding="utf-8"`
bool declares_other_charset(std::string_view declaration) noexcept {
    constexpr std::string_view kName = "encoding";
    const std::size_t name = declaration.find(kName);
    if (name == kAbsent) {
        return false;
    }
    declaration.remove_prefix(name + kName.size());
    const std::size_t quote = declaration.find_first_of("\"'");
    return quote == kAbsent || !has_ascii(declaration.substr(quote + 1));
}

// Appendix F of XML 1.0: without a charset the first octets tell, and the declaration. What begins
// with other ASCII than "<" no parser takes for XML.
bool is_in_other_charset(std::string_view body) noexcept {
    constexpr std::string_view kMark = "\xEF\xBB\xBF";  // of UTF-8
    constexpr std::string_view kDeclaration = "<?xml";
    if (body.starts_with(kMark)) {
        body.remove_prefix(kMark.size());
    }
    body.remove_prefix(std::min(body.find_first_not_of(kXmlBlanks), body.size()));
    const std::string_view start = body.substr(0, kDeclaration.size());
    if (!std::all_of(start.begin(), start.end(), is_ascii_text) ||
        start.starts_with("+/v")) {  // UTF-7
        return true;
    }
    return start == kDeclaration && declares_other_charset(body.substr(0, body.find("?>")));
}

// `<!ENTITY % name "...">`, with which declarations can be written that nobody sees.
bool has_parameter_entity(std::string_view body) noexcept {
    constexpr std::string_view kEntity = "<!ENTITY";
    for (std::size_t at = body.find(kEntity); at != kAbsent; at = body.find(kEntity, at + 1)) {
        const std::size_t name = body.find_first_not_of(kXmlBlanks, at + kEntity.size());
        if (name != kAbsent && body[name] == '%') {
            return true;
        }
    }
    return false;
}

// `<!ATTLIST element name CDATA "value">`: only a value has quotes.
bool gives_attributes(std::string_view body) noexcept {
    constexpr std::string_view kList = "<!ATTLIST";
    for (std::size_t at = body.find(kList); at != kAbsent; at = body.find(kList, at + 1)) {
        const std::size_t found = body.find_first_of(">\"'", at);
        if (found != kAbsent && body[found] != '>') {
            return true;
        }
    }
    return false;
}

}  // namespace

// The library's parser takes whatever is escaped behind a high surrogate for the low one, so that
// `\ud800\u0027` hides a quote.
std::string_view json_doubt(std::string_view content_type, std::string_view body) noexcept {
    std::string_view doubt = charset_doubt(content_type);
    for (std::size_t at = body.find('\\'); at != kAbsent && doubt.empty();
         at = body.find('\\', at)) {
        const unsigned unit = code_unit(body.substr(at));
        at += unit == 0 ? 2 : 6;
        const unsigned next = at < body.size() ? code_unit(body.substr(at)) : 0;
        if (is_high_surrogate(unit) && !is_low_surrogate(next)) {
            doubt = "half of a surrogate pair is escaped in the JSON";
        }
        at += is_high_surrogate(unit) ? 6 : 0;
    }
    return doubt;
}

std::string_view xml_doubt(std::string_view content_type, std::string_view body) noexcept {
    if (const std::string_view doubt = charset_doubt(content_type); !doubt.empty()) {
        return doubt;
    }
    if (is_in_other_charset(body)) {
        return kCharsetDoubt;
    }
    if (body.find("<!DOCTYPE") != kAbsent &&
        (gives_attributes(body) || has_parameter_entity(body))) {
        return "the XML has attributes that its document type gives";
    }
    return {};
}

}  // namespace gatehouse::waf
