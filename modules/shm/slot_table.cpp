#include "shm/slot_table.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "shm/keep_order.hpp"

namespace gatehouse::shm {
namespace {

constexpr std::uint64_t kTableMagic = 0x31746f6c73486147;  // "GaHslot1"
constexpr std::uint32_t kTableVersion = 1;
constexpr std::size_t kAlignment = 64;
constexpr std::uint32_t kGroupSlots = SlotTable::kWindow / 2;
constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kMaxGroups = std::size_t{kNone / kGroupSlots / 2} * 2;

// Maps 32 uniform bits onto 0 .. count - 1 without a division (Lemire).
std::uint32_t reduce(std::uint32_t bits, std::uint32_t count) noexcept {
    return static_cast<std::uint32_t>((std::uint64_t{bits} * count) >> 32);
}

std::uint32_t upper(std::uint64_t word) noexcept { return static_cast<std::uint32_t>(word >> 32); }

}  // namespace

struct SlotTable::Header {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t payload;
    std::uint32_t groups;
    std::uint32_t dirty;
    std::array<std::byte, 40> zero;
};

struct SlotTable::Group {
    std::array<std::uint32_t, kGroupSlots> tags;
    std::array<std::int64_t, kGroupSlots> expires;
};

struct SlotTable::Home {
    std::array<std::uint32_t, 2> groups;
    std::uint32_t tag;
};

std::size_t SlotTable::slot_bytes(std::size_t payload) noexcept {
    return sizeof(Group) / kGroupSlots + sizeof(base::Hash128) + payload;
}

namespace {

// How many groups fit; 0 for what cannot be a table.
std::uint32_t groups_in(std::span<const std::byte> bytes, std::size_t payload,
                        std::size_t header) noexcept {
    constexpr std::size_t kMaxPayload = std::numeric_limits<std::uint32_t>::max();
    const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % kAlignment == 0;
    if (!aligned || bytes.size() < header || payload == 0 || payload % 8 != 0 ||
        payload > kMaxPayload) {
        return 0;
    }
    // Groups come in pairs, or the slots would begin in the middle of a cache line.
    const std::size_t pair = SlotTable::kWindow * SlotTable::slot_bytes(payload);
    return static_cast<std::uint32_t>(std::min((bytes.size() - header) / pair * 2, kMaxGroups));
}

// Bit i: tags[i] is `tag`.
std::uint32_t equal_tags(const std::array<std::uint32_t, 8>& tags, std::uint32_t tag) noexcept {
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag));
    const auto* words = reinterpret_cast<const __m128i*>(tags.data());
    const __m128i low = _mm_cmpeq_epi32(_mm_load_si128(words), wanted);
    const __m128i high = _mm_cmpeq_epi32(_mm_load_si128(words + 1), wanted);
    const __m128i bytes = _mm_packs_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128());
    return static_cast<std::uint32_t>(_mm_movemask_epi8(bytes));
#else
    std::uint32_t equal = 0;
    for (std::uint32_t i = 0; i < tags.size(); ++i) {
        equal |= static_cast<std::uint32_t>(tags[i] == tag) << i;
    }
    return equal;
#endif
}

}  // namespace

SlotTable::SlotTable(std::span<std::byte> bytes, std::size_t payload, std::uint32_t groups) noexcept
    : header_(reinterpret_cast<Header*>(bytes.data())),
      groups_(reinterpret_cast<Group*>(bytes.data() + sizeof(Header))),
      slots_(bytes.data() + sizeof(Header) + groups * sizeof(Group)),
      payload_(payload),
      group_count_(groups) {
    static_assert(sizeof(Header) == kAlignment && sizeof(Group) == 96 &&
                  sizeof(base::Hash128) == 16);
}

std::optional<SlotTable> SlotTable::format(std::span<std::byte> bytes,
                                           std::size_t payload) noexcept {
    const std::uint32_t groups = groups_in(bytes, payload, sizeof(Header));
    if (groups == 0) {
        return std::nullopt;
    }
    SlotTable table(bytes, payload, groups);
    std::memset(bytes.data(), 0, sizeof(Header) + groups * sizeof(Group));
    *table.header_ = {kTableMagic, kTableVersion, static_cast<std::uint32_t>(payload), groups, 0,
                      {}};
    return table;
}

std::optional<SlotTable> SlotTable::attach(std::span<std::byte> bytes,
                                           std::size_t payload) noexcept {
    const std::uint32_t most = groups_in(bytes, payload, sizeof(Header));
    if (most == 0) {
        return std::nullopt;
    }
    const auto& header = *reinterpret_cast<const Header*>(bytes.data());
    const std::uint32_t groups = header.groups;
    if (header.magic != kTableMagic || header.version != kTableVersion ||
        header.payload != payload || groups == 0 || groups > most || groups % 2 != 0) {
        return std::nullopt;
    }
    return SlotTable(bytes, payload, groups);
}

std::uint32_t& SlotTable::tag(std::uint32_t slot) const noexcept {
    return groups_[slot / kGroupSlots].tags[slot % kGroupSlots];
}

std::int64_t& SlotTable::expires(std::uint32_t slot) const noexcept {
    return groups_[slot / kGroupSlots].expires[slot % kGroupSlots];
}

std::byte* SlotTable::hash(std::uint32_t slot) const noexcept {
    return slots_ + slot * (sizeof(base::Hash128) + payload_);
}

std::span<std::byte> SlotTable::payload(std::uint32_t slot) const noexcept {
    return {hash(slot) + sizeof(base::Hash128), payload_};
}

SlotTable::Home SlotTable::home(const base::Hash128& key) const noexcept {
    const std::uint32_t first = reduce(upper(key.low), group_count_);
    std::uint32_t second = reduce(upper(key.high), group_count_);
    if (second == first) {
        second = first ^ 1;  // there is an even number of groups
    }
    const auto tag = static_cast<std::uint32_t>(key.low);
    return {{first, second}, tag == 0 ? 1 : tag};
}

// Where a tag is among those of a group is anybody's guess, and so is which group has it: there is
// no branch on either.
std::uint32_t SlotTable::lookup(const Home& home, const base::Hash128& key) const noexcept {
    std::uint32_t equal = equal_tags(groups_[home.groups[0]].tags, home.tag) |
                          equal_tags(groups_[home.groups[1]].tags, home.tag) << kGroupSlots;
    for (; equal != 0; equal &= equal - 1) {
        const auto place = static_cast<std::uint32_t>(std::countr_zero(equal));
        const std::uint32_t slot =
            home.groups[place / kGroupSlots] * kGroupSlots + place % kGroupSlots;
        base::Hash128 stored;
        std::memcpy(&stored, hash(slot), sizeof stored);
        if (stored == key) {
            return slot;
        }
    }
    return kNone;
}

// Of the group that has more slots to take, the one that expires (or has expired) first; an empty
// one before all.
std::uint32_t SlotTable::victim(const Home& home, std::int64_t now) const noexcept {
    struct Candidate {
        std::uint32_t slot = 0;
        unsigned room = 0;
        bool empty = false;
        std::int64_t expires = std::numeric_limits<std::int64_t>::max();
    };
    std::array<Candidate, 2> candidates;
    for (std::size_t choice = 0; choice < 2; ++choice) {
        Candidate& best = candidates[choice];
        best.slot = home.groups[choice] * kGroupSlots;
        const Group& group = groups_[home.groups[choice]];
        for (std::uint32_t i = 0; i < kGroupSlots; ++i) {
            const bool empty = group.tags[i] == 0;
            best.room += empty || group.expires[i] <= now;
            if (!best.empty && (empty || group.expires[i] < best.expires)) {
                best.slot = home.groups[choice] * kGroupSlots + i;
                best.empty = empty;
                best.expires = group.expires[i];
            }
        }
    }
    const auto& [first, second] = candidates;
    if (first.room != second.room) {
        return first.room > second.room ? first.slot : second.slot;
    }
    const bool take_first = first.empty || (!second.empty && first.expires <= second.expires);
    return take_first ? first.slot : second.slot;
}

void SlotTable::repair() noexcept {
    if (header_->dirty == 0) [[likely]] {
        return;
    }
    const std::uint32_t slot = header_->dirty - 1;
    if (slot < capacity()) {
        tag(slot) = 0;
        expires(slot) = 0;
        std::memset(hash(slot), 0, sizeof(base::Hash128) + payload_);
    }
    keep_order();
    header_->dirty = 0;
}

std::span<std::byte> SlotTable::give_out(std::uint32_t slot) noexcept {
    header_->dirty = slot + 1;
    keep_order();
    return payload(slot);
}

std::optional<SlotTable::Entry> SlotTable::entry(std::size_t index) const noexcept {
    const auto slot = static_cast<std::uint32_t>(index);
    if (tag(slot) == 0 || header_->dirty == slot + 1) {
        return std::nullopt;
    }
    Entry entry{{}, payload(slot), expires(slot)};
    std::memcpy(&entry.key, hash(slot), sizeof entry.key);
    return entry;
}

bool SlotTable::taken(std::uint32_t slot, std::int64_t now) const noexcept {
    return tag(slot) != 0 && expires(slot) > now;
}

std::optional<SlotTable::Found> SlotTable::obtain(const base::Hash128& key, std::int64_t now,
                                                  bool evict_taken) noexcept {
    repair();
    const Home where = home(key);
    Found found;
    std::uint32_t slot = lookup(where, key);
    if (slot != kNone && taken(slot, now)) {
        found.payload = give_out(slot);
        found.index = slot;
        return found;
    }
    if (slot == kNone) {
        slot = victim(where, now);
        found.evicted = taken(slot, now);
        found.replaced = tag(slot) != 0;
        if (found.evicted && !evict_taken) {
            return std::nullopt;
        }
    }
    found.fresh = true;
    found.payload = give_out(slot);
    found.index = slot;
    tag(slot) = where.tag;
    expires(slot) = now;
    std::memcpy(hash(slot), &key, sizeof key);
    std::memset(found.payload.data(), 0, found.payload.size());
    return found;
}

SlotTable::Found SlotTable::obtain(const base::Hash128& key, std::int64_t now) noexcept {
    return *obtain(key, now, true);
}

std::optional<SlotTable::Found> SlotTable::obtain_if_room(const base::Hash128& key,
                                                          std::int64_t now) noexcept {
    return obtain(key, now, false);
}

std::optional<std::size_t> SlotTable::index_of(const base::Hash128& key) const noexcept {
    const std::uint32_t slot = lookup(home(key), key);
    if (slot == kNone || header_->dirty == slot + 1) {
        return std::nullopt;  // what is marked is about to be forgotten
    }
    return slot;
}

std::span<std::byte> SlotTable::payload_at(std::size_t index) const noexcept {
    return payload(static_cast<std::uint32_t>(index));
}

std::int64_t SlotTable::expiry_at(std::size_t index) const noexcept {
    return expires(static_cast<std::uint32_t>(index));
}

void SlotTable::set_expiry(std::size_t index, std::int64_t until) noexcept {
    expires(static_cast<std::uint32_t>(index)) = until;
}

std::span<std::byte> SlotTable::find(const base::Hash128& key, std::int64_t now) noexcept {
    repair();
    const std::uint32_t slot = lookup(home(key), key);
    if (slot == kNone || expires(slot) <= now) {
        return {};
    }
    return give_out(slot);
}

void SlotTable::done(std::span<std::byte> written, std::int64_t until) noexcept {
    const std::uint32_t slot = header_->dirty - 1;
    if (slot >= capacity() || payload(slot).data() != written.data()) {
        return;  // the mark is broken: the next call deals with it
    }
    expires(slot) = until;
    keep_order();
    header_->dirty = 0;
}

std::size_t SlotTable::capacity() const noexcept { return std::size_t{group_count_} * kGroupSlots; }

std::size_t SlotTable::live(std::int64_t now) const noexcept {
    std::size_t count = 0;
    for (std::uint32_t slot = 0; slot < capacity(); ++slot) {
        count += taken(slot, now);
    }
    return count;
}

}  // namespace gatehouse::shm
