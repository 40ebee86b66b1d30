#include "connection_limit/core/list.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace gatehouse::connection_limit {
namespace {

constexpr unsigned kIpv4Bits = 32;
constexpr unsigned kIpv6Bits = 128;
constexpr std::uint64_t kMapped = 0x0000ffff00000000;  // the lower half of ::ffff:0:0
constexpr unsigned kMappedBits = kIpv6Bits - kIpv4Bits;

std::uint64_t big_endian(std::span<const std::uint8_t> octets) noexcept {
    std::uint64_t value = 0;
    for (const std::uint8_t octet : octets) {
        value = value << 8 | octet;
    }
    return value;
}

// Ones from bit `from` (0: the highest) to the end.
std::uint64_t ones_from(unsigned from) noexcept {
    return from >= 64 ? 0 : std::numeric_limits<std::uint64_t>::max() >> from;
}

Ipv6 host_bits(unsigned length) noexcept {
    return {ones_from(length), ones_from(length > 64 ? length - 64 : 0)};
}

bool next_is(std::uint32_t last, std::uint32_t first) noexcept {
    return last != std::numeric_limits<std::uint32_t>::max() && last + 1 == first;
}

bool next_is(const Ipv6& last, const Ipv6& first) noexcept {
    const std::uint64_t low = last.low + 1;
    return last != Ipv6{ones_from(0), ones_from(0)} &&
           first == Ipv6{last.high + (low == 0 ? 1 : 0), low};
}

template <class Address>
void merge(std::vector<AddressRange<Address>>& ranges) {
    std::sort(ranges.begin(), ranges.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    std::size_t kept = 0;
    for (const auto& range : ranges) {
        if (kept > 0 &&
            (range.first <= ranges[kept - 1].last || next_is(ranges[kept - 1].last, range.first))) {
            ranges[kept - 1].last = std::max(ranges[kept - 1].last, range.last);
        } else {
            ranges[kept++] = range;
        }
    }
    ranges.resize(kept);
    ranges.shrink_to_fit();
}

template <class Address>
bool in(const std::vector<AddressRange<Address>>& ranges, const Address& address) noexcept {
    const auto after =
        std::upper_bound(ranges.begin(), ranges.end(), address,
                         [](const Address& a, const auto& r) { return a < r.first; });
    return after != ranges.begin() && address <= std::prev(after)->last;
}

struct Network {
    bool ipv4 = false;
    Ipv6 address;  // ipv4: in the lower 32 bits
    unsigned length = 0;
};

std::optional<Network> parse_address(std::string_view text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() >= terminated.size() || text.find('\0') != text.npos) {
        return std::nullopt;
    }
    std::copy(text.begin(), text.end(), terminated.begin());
    std::array<std::uint8_t, 16> octets{};
    if (inet_pton(AF_INET, terminated.data(), octets.data()) == 1) {
        return Network{true, {0, big_endian(std::span(octets).first(4))}, kIpv4Bits};
    }
    if (inet_pton(AF_INET6, terminated.data(), octets.data()) == 1) {
        const auto halves = std::span(octets);
        return Network{false, {big_endian(halves.first(8)), big_endian(halves.last(8))}, kIpv6Bits};
    }
    return std::nullopt;
}

base::Result<Network, ListError> parse_network(std::string_view text) noexcept {
    const std::size_t slash = text.find('/');
    auto network = parse_address(text.substr(0, slash));
    if (!network) {
        return ListError::not_an_address;
    }
    if (slash != text.npos) {
        const std::string_view digits = text.substr(slash + 1);
        const char* const end = digits.data() + digits.size();
        const unsigned most = network->length;
        const auto [stop, error] = std::from_chars(digits.data(), end, network->length);
        const bool padded = digits.size() > 1 && digits.front() == '0';
        if (error != std::errc{} || stop != end || padded || network->length > most) {
            return ListError::bad_prefix_length;
        }
    }
    const Ipv6& address = network->address;
    const bool mapped = address.high == 0 && (address.low & ~ones_from(32)) == kMapped;
    if (!network->ipv4 && mapped && network->length >= kMappedBits) {
        return Network{true, {0, address.low & ones_from(32)}, network->length - kMappedBits};
    }
    return *network;
}

AddressRange<Ipv6> range_of(const Network& network) noexcept {
    const Ipv6& address = network.address;
    const Ipv6 host = host_bits(network.length + (network.ipv4 ? kMappedBits : 0));
    return {{address.high & ~host.high, address.low & ~host.low},
            {address.high | host.high, address.low | host.low}};
}

// Without its newline.
std::string_view take_line(std::string_view& text) noexcept {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

std::string_view trim(std::string_view line) noexcept {
    constexpr std::string_view kBlanks = " \t\r";
    line = line.substr(0, line.find('#'));
    const std::size_t first = line.find_first_not_of(kBlanks);
    if (first == line.npos) {
        return {};
    }
    return line.substr(first, line.find_last_not_of(kBlanks) + 1 - first);
}

}  // namespace

std::string_view describe(ListError error) noexcept {
    switch (error) {
    case ListError::none:
        return "no error";
    case ListError::too_long:
        return "the list is longer than 64 megabytes";
    case ListError::too_many_entries:
        return "the list has more than 1000000 entries";
    case ListError::not_an_address:
        return "neither an IPv4 nor an IPv6 address";
    case ListError::bad_prefix_length:
        return "the prefix length is not a number in range";
    }
    return "unknown error";
}

base::Result<CidrList, ListProblem> CidrList::parse(std::string_view text) {
    if (text.size() > kMaxListBytes) {
        return ListProblem{ListError::too_long, 0};
    }
    CidrList list;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string_view line = trim(take_line(text));
        if (line.empty()) {
            continue;
        }
        if (list.size() == kMaxListEntries) {
            return ListProblem{ListError::too_many_entries, number};
        }
        const auto network = parse_network(line);
        if (!network) {
            return ListProblem{network.error(), number};
        }
        const auto [first, last] = range_of(*network);
        if (network->ipv4) {
            list.ipv4_.push_back(
                {static_cast<std::uint32_t>(first.low), static_cast<std::uint32_t>(last.low)});
        } else {
            list.ipv6_.push_back({first, last});
        }
        if (first != network->address && list.stray_bits_line_ == 0) {
            list.stray_bits_line_ = number;
        }
    }
    merge(list.ipv4_);
    merge(list.ipv6_);
    return list;
}

bool CidrList::contains(std::span<const std::uint8_t> address) const noexcept {
    if (address.size() == 4) {
        return in(ipv4_, static_cast<std::uint32_t>(big_endian(address)));
    }
    if (address.size() != 16) {
        return false;
    }
    const Ipv6 number{big_endian(address.first(8)), big_endian(address.last(8))};
    if (number.high == 0 && (number.low & ~ones_from(32)) == kMapped) {
        return in(ipv4_, static_cast<std::uint32_t>(number.low));
    }
    return in(ipv6_, number);
}

}  // namespace gatehouse::connection_limit
