// Lists of networks. The input is the text of a list; addresses to ask for are those in it, their
// neighbours and the edges of its networks.
//
// What must hold: a list that is read contains an address exactly if one of its lines does.

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connection_limit/core/list.hpp"
#include "property.hpp"

namespace {

using namespace gatehouse::connection_limit;
using namespace gatehouse::fuzz;

constexpr std::size_t kMostLines = 64;  // the naive way takes its time

using Octets = std::array<std::uint8_t, 16>;

// Bit by bit, IPv4 as what it is mapped to.
struct Line {
    Octets octets{};
    std::size_t length = 0;
};

bool mapped(const Octets& octets) {
    constexpr Octets kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::equal(octets.begin(), octets.begin() + 12, kMapped.begin());
}

bool bit(const Octets& octets, std::size_t index) {
    return (octets[index / 8] >> (7 - index % 8) & 1) != 0;
}

bool matches(const Line& line, const Octets& address) {
    // Only a network of mapped addresses alone is one of IPv4.
    if (mapped(address) != (mapped(line.octets) && line.length >= 96)) {
        return false;
    }
    for (std::size_t i = 0; i < line.length; ++i) {
        if (bit(line.octets, i) != bit(address, i)) {
            return false;
        }
    }
    return true;
}

std::optional<Line> read(std::string_view text) {
    text = text.substr(0, text.find('#'));
    std::string address(text.substr(0, text.find('/')));
    std::erase_if(address, [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
    Line line;
    std::size_t length = 128;
    if (const std::size_t slash = text.find('/'); slash != text.npos) {
        std::from_chars(text.data() + slash + 1, text.data() + text.size(), length);
    }
    if (inet_pton(AF_INET, address.c_str(), line.octets.data() + 12) == 1) {
        line.octets[10] = line.octets[11] = 0xff;
        line.length = text.find('/') == text.npos ? length : length + 96;
        return line;
    }
    if (inet_pton(AF_INET6, address.c_str(), line.octets.data()) == 1) {
        line.length = length;
        return line;
    }
    return std::nullopt;
}

// First and last address of the network, and one beyond each.
std::array<Octets, 5> probes(const Line& line) {
    std::array<Octets, 5> result;
    result.fill(line.octets);
    for (std::size_t i = line.length; i < 128; ++i) {
        const auto mask = static_cast<std::uint8_t>(0x80 >> i % 8);
        result[1][i / 8] = static_cast<std::uint8_t>(result[1][i / 8] & ~mask);
        result[2][i / 8] = static_cast<std::uint8_t>(result[2][i / 8] | mask);
    }
    result[3] = result[1];
    result[4] = result[2];
    for (std::size_t i = 16; i-- > 0 && result[3][i]-- == 0;) {
    }
    for (std::size_t i = 16; i-- > 0 && ++result[4][i] == 0;) {
    }
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = text_of(data, size);
    const auto list = CidrList::parse(text);
    if (!list) {
        require(list.error().error != ListError::none, "a reason");
        require(!describe(list.error().error).empty(), "said in words");
        return 0;
    }
    std::vector<Line> lines;
    for (std::string_view rest = text; !rest.empty();) {
        if (const auto line = read(take_line(rest))) {
            lines.push_back(*line);
        }
    }
    require(list->size() <= lines.size(), "no more ranges than lines");
    require((list->size() == 0) == lines.empty(), "empty only without lines");
    if (lines.size() > kMostLines) {
        return 0;
    }
    for (const Line& line : lines) {
        for (const Octets& address : probes(line)) {
            const bool expected = std::any_of(lines.begin(), lines.end(), [&](const Line& other) {
                return matches(other, address);
            });
            require(list->contains(address) == expected, "contained exactly if a line says so");
            if (mapped(address)) {
                require(list->contains(std::span(address).last(4)) == expected, "as IPv4, too");
            }
        }
    }
    return 0;
}
