#include "connection_limit/core/lease_table.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <limits>

#include "shm/keep_order.hpp"

namespace gatehouse::connection_limit {
namespace {

using shm::keep_order;

constexpr std::uint64_t kMagic = 0x657361656c486147;  // "GaHlease"
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kKeyPayload = 8;
constexpr std::size_t kLeasesPerKey = 2;

// Expiries: of a key that holds leases; what of all others has expired, whatever clock they know.
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kAnyIdle = kNever - 1;
constexpr std::int64_t kIdleForEver = 0;

// A lease: key slot + 1 below, owner + 1 in the middle; or a link of the list of free ones above.
constexpr unsigned kUpper = 32;
constexpr std::uint64_t held_by(std::uint32_t key, std::size_t owner) noexcept {
    return static_cast<std::uint64_t>(owner + 1) << kUpper | (key + 1);
}
constexpr std::uint64_t free_before(std::uint32_t next) noexcept {
    return static_cast<std::uint64_t>(next) << kUpper;
}
constexpr std::uint32_t lower(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word);
}
constexpr std::uint32_t upper(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word >> kUpper);
}

}  // namespace

struct LeaseTable::Header {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t leases;
    std::uint32_t dirty;
    std::uint32_t free;
    std::uint32_t used;
    std::uint32_t held;
    std::array<std::byte, 32> zero;
};

struct LeaseTable::Place {
    std::uint64_t started;
    std::int32_t pid;
    std::uint32_t zero;
};

struct LeaseTable::Layout {
    static constexpr std::size_t kOwners = sizeof(Header);
    static constexpr std::size_t kLeases = kOwners + kMaxOwners * sizeof(Place);
    // Keys come in pairs of groups, and so the leases end on a cache line, too.
    static constexpr std::size_t kKeys = shm::SlotTable::kWindow;
    static constexpr std::size_t kStep = kKeys * kLeasesPerKey;

    static std::size_t keys(std::size_t leases) noexcept {
        return kLeases + leases * sizeof(std::uint64_t);
    }
    static std::uint32_t most_leases(std::span<const std::byte> bytes) noexcept {
        const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % kAlignment == 0;
        if (!aligned || bytes.size() < kLeases + kAlignment) {
            return 0;
        }
        const std::size_t of_keys = kKeys * shm::SlotTable::slot_bytes(kKeyPayload);
        const std::size_t steps =
            (bytes.size() - kLeases - kAlignment) / (of_keys + kStep * sizeof(std::uint64_t));
        constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max() / kStep;
        return static_cast<std::uint32_t>(std::min(steps, kMost) * kStep);
    }
};

// What a process that dies while this lives has begun is counted anew by the next.
class LeaseTable::Change {
  public:
    explicit Change(LeaseTable& table) noexcept : header_(*table.header_) {
        table.settle();
        header_.dirty = 1;
        keep_order();
    }
    ~Change() {
        keep_order();
        header_.dirty = 0;
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

  private:
    Header& header_;
};

LeaseTable::LeaseTable(std::span<std::byte> bytes, std::uint32_t leases,
                       shm::SlotTable keys) noexcept
    : header_(reinterpret_cast<Header*>(bytes.data())),
      owners_(reinterpret_cast<Place*>(bytes.data() + Layout::kOwners)),
      leases_(reinterpret_cast<std::uint64_t*>(bytes.data() + Layout::kLeases)),
      keys_(keys),
      lease_count_(leases) {
    static_assert(sizeof(Header) == kAlignment && sizeof(Place) == 16 &&
                  Layout::kLeases % kAlignment == 0);
    static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);
}

std::optional<LeaseTable> LeaseTable::format(std::span<std::byte> bytes) noexcept {
    const std::uint32_t leases = Layout::most_leases(bytes);
    if (leases == 0) {
        return std::nullopt;
    }
    const auto keys = shm::SlotTable::format(bytes.subspan(Layout::keys(leases)), kKeyPayload);
    if (!keys) {
        return std::nullopt;
    }
    std::memset(bytes.data(), 0, Layout::kLeases);
    LeaseTable table(bytes, leases, *keys);
    *table.header_ = {kMagic, kVersion, leases, 0, 0, 0, 0, {}};
    return table;
}

std::optional<LeaseTable> LeaseTable::attach(std::span<std::byte> bytes) noexcept {
    const std::uint32_t most = Layout::most_leases(bytes);
    if (most == 0) {
        return std::nullopt;
    }
    const auto& header = *reinterpret_cast<const Header*>(bytes.data());
    const std::uint32_t leases = header.leases;
    if (header.magic != kMagic || header.version != kVersion || leases == 0 || leases > most ||
        leases % Layout::kStep != 0) {
        return std::nullopt;
    }
    const auto keys = shm::SlotTable::attach(bytes.subspan(Layout::keys(leases)), kKeyPayload);
    if (!keys) {
        return std::nullopt;
    }
    return LeaseTable(bytes, leases, *keys);
}

std::uint32_t& LeaseTable::counter(std::size_t key) const noexcept {
    return *reinterpret_cast<std::uint32_t*>(keys_.payload_at(key).data());
}

std::uint64_t LeaseTable::lease(std::uint32_t index) const noexcept {
    return std::atomic_ref(leases_[index]).load(std::memory_order_relaxed);
}

bool LeaseTable::holds(std::uint64_t lease) const noexcept {
    const std::uint32_t key = lower(lease), owner = upper(lease);
    return key != 0 && key <= keys_.capacity() && owner != 0 && owner <= kMaxOwners;
}

std::uint32_t LeaseTable::used() const noexcept { return std::min(header_->used, lease_count_); }

std::optional<std::uint32_t> LeaseTable::first_free() const noexcept {
    const std::uint32_t next = header_->free != 0 ? header_->free - 1 : used();
    return next < lease_count_ ? std::optional(next) : std::nullopt;
}

// The lease counts from the moment on that it is both written and among those that are used.
void LeaseTable::hold(std::uint32_t index, std::uint32_t key, std::size_t owner) noexcept {
    const bool listed = header_->free != 0;
    const std::uint32_t next = listed ? upper(lease(index)) : 0;
    std::atomic_ref(leases_[index]).store(held_by(key, owner), std::memory_order_relaxed);
    keep_order();
    listed ? header_->free = next : header_->used = index + 1;
    ++header_->held;
    if (++counter(key) == 1) {
        keys_.set_expiry(key, kNever);
    }
}

// This one store both ends the lease and puts it in front of the free ones.
void LeaseTable::link(std::uint32_t index) noexcept {
    std::atomic_ref(leases_[index]).store(free_before(header_->free), std::memory_order_relaxed);
    keep_order();
    header_->free = index + 1;
}

void LeaseTable::free(std::uint32_t index, std::int64_t now) noexcept {
    const std::uint32_t key = lower(lease(index)) - 1;
    link(index);
    --header_->held;
    if (--counter(key) == 0) {
        keys_.set_expiry(key, std::min(now, kAnyIdle));
    }
}

void LeaseTable::settle() noexcept {
    if (header_->dirty != 0) [[unlikely]] {
        count_anew();
        keep_order();
        header_->dirty = 0;
    }
}

void LeaseTable::count_anew() noexcept {
    for (std::size_t key = 0; key < keys_.capacity(); ++key) {
        if (keys_.entry(key)) {
            counter(key) = 0;
            if (keys_.expiry_at(key) == kNever) {
                keys_.set_expiry(key, kIdleForEver);
            }
        }
    }
    header_->free = 0;
    header_->held = 0;
    for (std::uint32_t index = used(); index-- > 0;) {
        const std::uint64_t record = lease(index);
        if (!holds(record)) {
            link(index);
            continue;
        }
        const std::uint32_t key = lower(record) - 1;
        ++header_->held;
        if (++counter(key) == 1) {
            keys_.set_expiry(key, kNever);
        }
    }
}

std::size_t LeaseTable::enroll(const Owner& owner) noexcept {
    std::size_t place = kMaxOwners;
    for (std::size_t i = 0; i < kMaxOwners; ++i) {
        if (this->owner(i) == owner) {
            return i;
        }
        if (owners_[i].pid == 0 && place == kMaxOwners) {
            place = i;
        }
    }
    if (place < kMaxOwners) {
        owners_[place].started = owner.started;
        keep_order();
        owners_[place].pid = owner.pid;
    }
    return place;
}

std::size_t LeaseTable::reclaim(std::size_t owner) noexcept {
    if (owner >= kMaxOwners || owners_[owner].pid == 0) {
        return 0;
    }
    const Change change(*this);
    std::size_t reclaimed = 0;
    for (std::uint32_t index = 0; index < used(); ++index) {
        const std::uint64_t record = lease(index);
        if (holds(record) && upper(record) == owner + 1) {
            free(index, kIdleForEver);
            ++reclaimed;
        }
    }
    keep_order();
    owners_[owner].pid = 0;
    return reclaimed;
}

Owner LeaseTable::owner(std::size_t index) const noexcept {
    if (index >= kMaxOwners || owners_[index].pid == 0) {
        return {};
    }
    return {owners_[index].pid, owners_[index].started};
}

LeaseTable::Taken LeaseTable::take(const base::Hash128& key, std::size_t owner, std::uint32_t most,
                                   std::int64_t now) noexcept {
    settle();
    std::optional<std::size_t> slot = keys_.index_of(key);
    Taken taken;
    taken.count = slot ? counter(*slot) : 0;
    if (taken.count >= most) {
        taken.outcome = Outcome::refused;
        return taken;
    }
    const auto index = first_free();
    if (!index || owner >= kMaxOwners || owners_[owner].pid == 0) {
        return taken;
    }
    if (!slot) {
        const auto found = keys_.obtain_if_room(key, kAnyIdle);
        if (!found) {
            return taken;
        }
        keys_.done(found->payload, std::min(now, kAnyIdle));
        taken.evicted = found->replaced;
        slot = found->index;
    }
    const Change change(*this);
    hold(*index, static_cast<std::uint32_t>(*slot), owner);
    taken.outcome = Outcome::held;
    taken.lease = *index;
    ++taken.count;
    return taken;
}

void LeaseTable::release(std::uint32_t index, std::size_t owner, std::int64_t now) noexcept {
    const Change change(*this);
    const std::uint64_t record = index < used() ? lease(index) : 0;
    if (holds(record) && upper(record) == owner + 1) {
        free(index, now);
    }
}

std::uint32_t LeaseTable::count(const base::Hash128& key) const noexcept {
    const auto slot = keys_.index_of(key);
    if (!slot || header_->dirty == 0) [[likely]] {
        return slot ? counter(*slot) : 0;
    }
    std::uint32_t count = 0;
    for (std::uint32_t index = 0; index < used(); ++index) {
        count += holds(lease(index)) && lower(lease(index)) == *slot + 1;
    }
    return count;
}

std::size_t LeaseTable::keys() const noexcept { return keys_.capacity(); }

std::size_t LeaseTable::leases() const noexcept { return lease_count_; }

std::size_t LeaseTable::held() const noexcept {
    if (header_->dirty == 0) [[likely]] {
        return header_->held;
    }
    std::size_t held = 0;
    for (std::uint32_t index = 0; index < used(); ++index) {
        held += holds(lease(index));
    }
    return held;
}

}  // namespace gatehouse::connection_limit
