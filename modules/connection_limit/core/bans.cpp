#include "connection_limit/core/bans.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>

namespace gatehouse::connection_limit {
namespace {

// What a slot's payload holds; copied in and out, as shared bytes are no objects.
struct Record {
    std::int64_t until;
    std::int64_t half_began;
    std::array<std::uint32_t, 3> refusals;
    std::uint32_t length;
    std::array<char, Bans::kMaxSubject> subject;
};
static_assert(sizeof(Record) == 56);

Record load(std::span<const std::byte> payload) noexcept {
    Record record;
    std::memcpy(&record, payload.data(), sizeof record);
    return record;
}

std::int64_t half_of(const BanRule& rule) noexcept { return rule.within / 2 + rule.within % 2; }

std::int64_t add(std::int64_t time, std::int64_t length) noexcept {
    constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
    return time > kLast - length ? kLast : time + length;
}

// Moves on to the half that `now` is in.
void advance(Record& record, std::int64_t half, std::int64_t now) noexcept {
    const std::int64_t halves = now > record.half_began ? (now - record.half_began) / half : 0;
    auto& refusals = record.refusals;
    if (halves >= static_cast<std::int64_t>(refusals.size())) {
        refusals = {};
        record.half_began = now;
        return;
    }
    std::shift_right(refusals.begin(), refusals.end(), halves);
    std::fill_n(refusals.begin(), halves, 0);
    record.half_began += halves * half;
}

}  // namespace

std::optional<Bans> Bans::format(std::span<std::byte> bytes) noexcept {
    const auto table = shm::SlotTable::format(bytes, sizeof(Record));
    return table ? std::optional(Bans(*table)) : std::nullopt;
}

std::optional<Bans> Bans::attach(std::span<std::byte> bytes) noexcept {
    const auto table = shm::SlotTable::attach(bytes, sizeof(Record));
    return table ? std::optional(Bans(*table)) : std::nullopt;
}

bool Bans::refused(const base::Hash128& key, std::string_view subject, const BanRule& rule,
                   std::int64_t now) noexcept {
    evicted_ = false;
    if (rule.after == 0 || rule.within <= 0 || rule.length <= 0 || until(key, now) != 0) {
        return false;
    }
    const auto slot = table_.obtain(key, now);
    evicted_ = slot.evicted;
    Record record = load(slot.payload);
    const std::int64_t half = half_of(rule);
    if (slot.fresh) {
        record.half_began = now;
        record.length =
            static_cast<std::uint32_t>(subject.copy(record.subject.data(), kMaxSubject));
    }
    advance(record, half, now);
    ++record.refusals.front();
    const std::uint64_t sum =
        std::accumulate(record.refusals.begin(), record.refusals.end(), std::uint64_t{0});
    const bool banned = sum >= rule.after;
    if (banned) {
        record.until = add(now, rule.length);
        record.half_began = now;
        record.refusals = {};
    }
    std::memcpy(slot.payload.data(), &record, sizeof record);
    table_.done(slot.payload, banned ? record.until : add(now, add(rule.within, half)));
    return banned;
}

std::int64_t Bans::until(const base::Hash128& key, std::int64_t now) const noexcept {
    const auto index = table_.index_of(key);
    const std::int64_t until = index ? load(table_.payload_at(*index)).until : 0;
    return until > now ? until : 0;
}

std::size_t Bans::capacity() const noexcept { return table_.capacity(); }

std::optional<Bans::Ban> Bans::ban(std::size_t index, std::int64_t now) const noexcept {
    const auto entry = table_.entry(index);
    if (!entry) {
        return std::nullopt;
    }
    const Record record = load(entry->payload);
    if (record.until <= now) {
        return std::nullopt;
    }
    return Ban{entry->key, record.until, std::min<std::size_t>(record.length, kMaxSubject),
               record.subject};
}

}  // namespace gatehouse::connection_limit
