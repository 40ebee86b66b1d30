#include "rate_limit/memory.hpp"

#include <algorithm>
#include <string>

#include "ngx/clock.hpp"
#include "rate_limit/module.hpp"

namespace gatehouse::rate_limit {
namespace {

// Of the bytes of a KeyState.
constexpr std::uint64_t kLayoutVersion = 1;

// A hash to compare with, not to be kept secret.
std::uint64_t fingerprint(std::string_view text) noexcept {
    return base::siphash128({kLayoutVersion, 0}, text).low;
}

// What the keys of a zone mean.
std::string meaning(const Zone& zone) {
    return std::string(zone.algorithm == Algorithm::gcra ? "gcra " : "sliding_window ") +
           std::to_string(zone.ipv6_prefix) + " " + std::to_string(zone.identity_key.k0) + " " +
           zone.expression;
}

}  // namespace

bool Memory::add(ngx_conf_t* cf, const rate_limit::Zone& zone) {
    const std::string text = meaning(zone);
    meaning_ = fingerprint(text);
    size_ = zone.size;
    // With other rates, or another mode, the state of a key has other parts.
    const std::string layout =
        std::to_string(KeyState::size(shape_)) + " " +
        std::to_string(shape_.policy.windows().size()) + (shape_.redis ? " redis " : " memory ") +
        std::to_string(static_cast<int>(shape_.mode)) + " " + std::to_string(shape_.unconfirmed) +
        " " + zone.redis_name + " " + text;
    return ngx::Zone::add(cf, "gatehouse:rate_limit:" + zone.name, zone.size,
                          ngx_http_gatehouse_rate_limit_module, fingerprint(layout));
}

bool Memory::format(std::span<std::byte> body, const ngx::Zone* previous) noexcept {
    table_ = shm::SlotTable::format(body, KeyState::size(shape_));
    const auto* old = static_cast<const Memory*>(previous);
    if (table_ && old != nullptr && old->meaning_ == meaning_ && old->size_ == size_) {
        carry_over(*old);
    }
    return table_.has_value();
}

// A changed rate applies to what has been counted, also where it takes another amount of memory.
// The workers of the old configuration are at work meanwhile: what they count while their keys are
// being copied may be lost.
void Memory::carry_over(const Memory& previous) noexcept {
    constexpr std::size_t kAtOnce = 64;  // slots per holding of the lock
    const std::int64_t now = ngx::monotonic_microseconds();
    const shm::SlotTable& from = *previous.table_;
    for (std::size_t first = 0; first < from.capacity(); first += kAtOnce) {
        const ngx::ZoneLock lock(previous);
        for (std::size_t i = first; i < std::min(first + kAtOnce, from.capacity()); ++i) {
            const auto entry = from.entry(i);
            if (entry && entry->expires > now) {
                copy(*entry, previous.shape_, now);
            }
        }
    }
}

void Memory::copy(const shm::SlotTable::Entry& entry, const Shape& of_old,
                  std::int64_t now) noexcept {
    const std::span<std::byte> payload = table_->obtain(entry.key, now).payload;
    // A view for reading only.
    const KeyState old({const_cast<std::byte*>(entry.payload.data()), entry.payload.size()},
                       of_old);
    KeyState state(payload, shape_);
    state.carry_over(old, now);
    table_->done(payload, std::max(entry.expires, state.expiry(shape_.policy, now)));
}

bool Memory::attach(std::span<std::byte> body) noexcept {
    table_ = shm::SlotTable::attach(body, KeyState::size(shape_));
    return table_.has_value();
}

base::Hash128 slot_of(const Zone& zone, std::string_view prefix, std::uint32_t own,
                      std::string_view identity) noexcept {
    const base::Hash128 tenant = base::siphash128(zone.memory->seed(), prefix);
    return base::siphash128({tenant.low, tenant.high ^ own}, identity);
}

KeyAccess::KeyAccess(const Zone& zone, const base::Hash128& slot, const Policy& policy,
                     std::int64_t now) noexcept
    : lock_(*zone.memory),
      table_(zone.memory->table()),
      payload_(table_.obtain(slot, now).payload),
      state_(payload_, zone.shape),
      policy_(policy),
      now_(now) {}

KeyAccess::~KeyAccess() { table_.done(payload_, state_.expiry(policy_, now_)); }

}  // namespace gatehouse::rate_limit
