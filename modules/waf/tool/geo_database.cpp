#include "waf/tool/geo_database.hpp"

#include <algorithm>
#include <fstream>
#include <string_view>

namespace gatehouse::waf::tool {

namespace {

// The last octets of a file.
std::string read_tail(std::ifstream& file, std::size_t size, std::size_t wanted) {
    std::string tail(std::min(size, wanted), '\0');
    file.seekg(static_cast<std::streamoff>(size - tail.size()));
    file.read(tail.data(), static_cast<std::streamsize>(tail.size()));
    return tail;
}

// Read in pieces, as databases have hundreds of megabytes.
bool holds(std::ifstream& file, std::string_view text) {
    constexpr std::size_t kPiece = std::size_t{1} << 20U;
    std::string piece;
    file.clear();
    file.seekg(0);
    while (file) {
        const std::size_t kept = std::min(piece.size(), text.size() - 1);
        piece.erase(0, piece.size() - kept);
        piece.resize(kept + kPiece);
        file.read(piece.data() + kept, kPiece);
        piece.resize(kept + static_cast<std::size_t>(file.gcount()));
        if (piece.find(text) != std::string::npos) {
            return true;
        }
    }
    return false;
}

// The kind that a GeoIP database says it is of, behind three octets of ones near its end; those
// that say nothing are of countries.
int legacy_kind(std::string_view tail) noexcept {
    constexpr int kCountries = 1;
    constexpr int kOffset = 105;  // which newer databases add
    for (std::size_t i = 3; i < tail.size() && i < 23; ++i) {
        const std::string_view end = tail.substr(tail.size() - i);
        if (i > 3 && end.starts_with("\xff\xff\xff")) {
            const int kind = static_cast<unsigned char>(end[3]);
            return kind > kOffset ? kind - kOffset : kind;
        }
    }
    return kCountries;
}

}  // namespace

std::optional<std::string> geo_database_mistake(const std::string& path) {
    constexpr std::string_view kMaxMind = "\xab\xcd\xefMaxMind.com";
    constexpr std::size_t kMetadata = std::size_t{128} << 10U;  // where it has to be
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
    if (size <= 0) {
        return std::nullopt;  // the library refuses it
    }
    const std::string tail = read_tail(file, static_cast<std::size_t>(size), kMetadata);
    if (tail.find(kMaxMind) != std::string::npos) {
        return holds(file, "iso_code") ? std::nullopt
                                       : std::optional<std::string>("it has no codes of countries");
    }
    const int kind = legacy_kind(tail);
    if (kind == 2 || kind == 6) {
        return std::nullopt;
    }
    return "it is neither a MaxMind DB (.mmdb) of countries or cities nor a GeoIP database of "
           "cities";
}

}  // namespace gatehouse::waf::tool
