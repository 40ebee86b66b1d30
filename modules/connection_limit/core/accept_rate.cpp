#include "connection_limit/core/accept_rate.hpp"

#include <algorithm>
#include <cstring>

namespace gatehouse::connection_limit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMicrosecond = 1'000;
constexpr std::size_t kTimePayload = sizeof(std::int64_t);

}  // namespace

std::optional<AcceptRate> AcceptRate::format(std::span<std::byte> bytes) noexcept {
    const auto table = shm::SlotTable::format(bytes, kTimePayload);
    return table ? std::optional(AcceptRate(*table)) : std::nullopt;
}

std::optional<AcceptRate> AcceptRate::attach(std::span<std::byte> bytes) noexcept {
    const auto table = shm::SlotTable::attach(bytes, kTimePayload);
    return table ? std::optional(AcceptRate(*table)) : std::nullopt;
}

bool AcceptRate::accept(const base::Hash128& key, std::uint32_t per_second,
                        std::int64_t now) noexcept {
    evicted_ = false;
    // Rounded up: never more than N in the long run.
    const std::int64_t interval = (kSecond - 1) / per_second + 1;
    const std::int64_t arrival = now * kMicrosecond;
    const auto index = table_.index_of(key);
    std::int64_t expected = arrival;
    if (index) {
        std::memcpy(&expected, table_.payload_at(*index).data(), sizeof expected);
        expected = std::max(expected, arrival);
    }
    // Who is refused writes nothing, and cannot push another key out.
    if (expected - arrival > interval * (std::int64_t{per_second} - 1)) {
        return false;
    }
    expected += interval;
    const auto slot = table_.obtain(key, now);
    evicted_ = slot.evicted;
    std::memcpy(slot.payload.data(), &expected, sizeof expected);
    table_.done(slot.payload, (expected - 1) / kMicrosecond + 1);
    return true;
}

}  // namespace gatehouse::connection_limit
