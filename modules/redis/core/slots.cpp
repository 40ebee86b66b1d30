#include "redis/core/slots.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>

namespace gatehouse::redis {
namespace {

constexpr std::string_view kUnknownHost = "?";
constexpr std::uint16_t kNobody = std::numeric_limits<std::uint16_t>::max();

constexpr std::array<std::uint16_t, 256> make_crc_table() noexcept {
    std::array<std::uint16_t, 256> table{};
    for (unsigned int octet = 0; octet < table.size(); ++octet) {
        unsigned int crc = octet << 8;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
        }
        table[octet] = static_cast<std::uint16_t>(crc);
    }
    return table;
}

constexpr auto kCrcTable = make_crc_table();

// The part between the first `{` and the first `}` after it, if there is any; else the whole key.
std::string_view hash_tag(std::string_view key) noexcept {
    const std::size_t open = key.find('{');
    if (open == std::string_view::npos) {
        return key;
    }
    const std::size_t close = key.find('}', open + 1);
    if (close == std::string_view::npos || close == open + 1) {
        return key;
    }
    return key.substr(open + 1, close - open - 1);
}

std::optional<std::uint16_t> slot_number(const Reply& reply) noexcept {
    if (!reply.is(Type::integer) || reply.integer < 0 ||
        reply.integer >= static_cast<std::int64_t>(kSlots)) {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(reply.integer);
}

// The host in a node's description: null or empty means the node that was asked.
std::optional<std::string_view> host_of(const Reply& host, std::string_view asked) noexcept {
    if (host.is(Type::nil) || (host.is(Type::string) && host.text.empty())) {
        return asked;
    }
    if (!host.is(Type::string) || (host.text != kUnknownHost && !valid_host(host.text))) {
        return std::nullopt;
    }
    return host.text;
}

std::optional<std::uint16_t> port_of(const Reply& port) noexcept {
    if (!port.is(Type::integer) || port.integer < 1 ||
        port.integer > std::numeric_limits<std::uint16_t>::max()) {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(port.integer);
}

}  // namespace

std::uint16_t key_slot(std::string_view key) noexcept {
    unsigned int crc = 0;
    for (const char c : hash_tag(key)) {
        const unsigned int index = ((crc >> 8) ^ static_cast<unsigned char>(c)) & 0xff;
        crc = ((crc << 8) ^ kCrcTable[index]) & 0xffff;
    }
    return static_cast<std::uint16_t>(crc % kSlots);
}

class SlotMap::Parser {
  public:
    Parser(SlotMap& map, std::string_view asked) noexcept : map_(map), asked_(asked) {}

    // [first slot, last slot, master, replica ...], a node being [host, port, ...].
    bool add(const Reply& range) {
        if (!range.is(Type::array) || range.elements.size() < 3) {
            return false;
        }
        const auto first = slot_number(range.elements[0]);
        const auto last = slot_number(range.elements[1]);
        const Reply& master = range.elements[2];
        if (!first || !last || *first > *last || !master.is(Type::array) ||
            master.elements.size() < 2) {
            return false;
        }
        const auto host = host_of(master.elements[0], asked_);
        const auto port = port_of(master.elements[1]);
        if (!host || !port) {
            return false;
        }
        if (*host == kUnknownHost) {
            return true;
        }
        const auto node = index_of({std::string(*host), *port});
        return node && fill(*first, *last, *node);
    }

  private:
    std::optional<std::uint16_t> index_of(Address address) {
        const auto index = static_cast<std::uint16_t>(map_.nodes_.size());
        const auto [node, added] = indices_.try_emplace(std::move(address), index);
        if (!added) {
            return node->second;
        }
        if (map_.nodes_.size() == kMaxNodes) {
            return std::nullopt;
        }
        map_.nodes_.push_back(node->first);
        return index;
    }

    bool fill(std::uint16_t first, std::uint16_t last, std::uint16_t node) noexcept {
        const auto slots = std::span(map_.slots_).subspan(first, std::size_t{last} - first + 1);
        if (!std::all_of(slots.begin(), slots.end(), [](auto slot) { return slot == kNobody; })) {
            return false;
        }
        std::fill(slots.begin(), slots.end(), node);
        return true;
    }

    SlotMap& map_;
    std::string_view asked_;
    std::map<Address, std::uint16_t> indices_;  // a peer may name very many ranges
};

SlotMap::SlotMap() : slots_(kSlots, kNobody) {}

std::optional<SlotMap> SlotMap::parse(const Reply& reply, std::string_view asked) {
    if (!reply.is(Type::array)) {
        return std::nullopt;
    }
    SlotMap map;
    Parser parser(map, asked);
    for (const Reply& range : reply.elements) {
        if (!parser.add(range)) {
            return std::nullopt;
        }
    }
    return map;
}

bool SlotMap::complete() const noexcept {
    return std::find(slots_.begin(), slots_.end(), kNobody) == slots_.end();
}

std::optional<std::size_t> SlotMap::node_of(std::uint16_t slot) const noexcept {
    const std::uint16_t node = slots_[slot];
    return node == kNobody ? std::nullopt : std::optional<std::size_t>(node);
}

std::optional<std::size_t> SlotMap::assign(std::uint16_t slot, const Address& node) {
    const auto found = std::find(nodes_.begin(), nodes_.end(), node);
    const auto index = static_cast<std::size_t>(found - nodes_.begin());
    if (found == nodes_.end()) {
        if (nodes_.size() == kMaxNodes) {
            return std::nullopt;
        }
        nodes_.push_back(node);
    }
    slots_[slot] = static_cast<std::uint16_t>(index);
    return index;
}

}  // namespace gatehouse::redis
