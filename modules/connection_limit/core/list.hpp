#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace gatehouse::connection_limit {

// An IPv6 address, as a number.
struct Ipv6 {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    friend auto operator<=>(const Ipv6&, const Ipv6&) = default;
};

template <class Address>
struct AddressRange {
    Address first{};
    Address last{};
};

enum class ListError : std::uint8_t {
    none,
    too_long,          // more than kMaxListBytes
    too_many_entries,  // more than kMaxListEntries
    not_an_address,
    bad_prefix_length,
};
std::string_view describe(ListError error) noexcept;

inline constexpr std::size_t kMaxListBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxListEntries = 1'000'000;

struct ListProblem {
    ListError error = ListError::none;
    std::size_t line = 0;  // from 1; 0: no line of the text, but all of it
};

// A set of networks. IPv4 addresses that are mapped into IPv6 (RFC 4291 section 2.5.5.2) are IPv4
// addresses, in the text and in queries; so no network of IPv6 addresses contains any of them.
class CidrList {
  public:
    // Lines of one address, or a network as address/length, each. Blanks around it, empty lines
    // and all from a `#` on are ignored. Throws std::bad_alloc.
    static base::Result<CidrList, ListProblem> parse(std::string_view text);

    // Octets in network order, 4 or 16; anything else is in no list. O(log n).
    bool contains(std::span<const std::uint8_t> address) const noexcept;

    // Ranges after merging: 0 if the list is empty.
    std::size_t size() const noexcept { return ipv4_.size() + ipv6_.size(); }

    // The first line whose network has bits set beyond its length, which are ignored as nginx
    // ignores them; 0 if there is none. Worth a warning.
    std::size_t stray_bits_line() const noexcept { return stray_bits_line_; }

  private:
    // Sorted; neither overlapping nor adjacent.
    std::vector<AddressRange<std::uint32_t>> ipv4_;
    std::vector<AddressRange<Ipv6>> ipv6_;
    std::size_t stray_bits_line_ = 0;
};

}  // namespace gatehouse::connection_limit
