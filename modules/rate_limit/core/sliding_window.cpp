#include "rate_limit/core/sliding_window.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "rate_limit/core/reading.hpp"

namespace gatehouse::rate_limit::sliding_window {
namespace {

struct Head {
    std::uint32_t oldest = 0;
    std::uint32_t count = 0;
};
static_assert(sizeof(Head) == 8);

using Time = std::int64_t;

// The ring, for reading. Entries are numbered from the oldest.
class Log {
  public:
    // `period`: a log whose newest entry is further ahead of `now` is not one of this clock, and
    // empty.
    Log(std::span<const std::byte> bytes, Time now, Time period) noexcept : bytes_(bytes) {
        if (bytes.size() < sizeof(Head) + sizeof(Time)) {
            return;
        }
        capacity_ = static_cast<std::uint32_t>((bytes.size() - sizeof(Head)) / sizeof(Time));
        std::memcpy(&head_, bytes.data(), sizeof head_);
        head_.oldest %= capacity_;
        head_.count = std::min(head_.count, capacity_);
        if (head_.count > 0 && newest() > now && newest() - now > period) {
            head_ = {};
        }
    }

    std::uint32_t capacity() const noexcept { return capacity_; }
    std::uint32_t count() const noexcept { return head_.count; }
    Time newest() const noexcept { return at(head_.count - 1); }

    Time at(std::uint32_t entry) const noexcept {
        Time time = 0;
        std::memcpy(&time, bytes_.data() + offset(entry), sizeof time);
        return time;
    }

    // The first entry later than `time`; count() if there is none.
    std::uint32_t first_after(Time time) const noexcept {
        std::uint32_t low = 0;
        for (std::uint32_t high = head_.count; low < high;) {
            const std::uint32_t middle = low + (high - low) / 2;
            if (at(middle) > time) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

  protected:
    std::size_t offset(std::uint32_t entry) const noexcept {
        const std::uint64_t index = (std::uint64_t{head_.oldest} + entry) % capacity_;
        return sizeof(Head) + index * sizeof(Time);
    }

    Head head_;

  private:
    std::span<const std::byte> bytes_;
    std::uint32_t capacity_ = 0;
};

// The ring, for writing. What has changed is in the bytes once this has gone.
class Writer : public Log {
  public:
    Writer(std::span<std::byte> bytes, Time now, Time period) noexcept
        : Log(bytes, now, period), bytes_(bytes) {}
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() {
        if (capacity() > 0) {
            std::memcpy(bytes_.data(), &head_, sizeof head_);
        }
    }

    // The oldest entry makes way.
    void push(Time time) noexcept {
        if (capacity() == 0) {
            return;
        }
        if (head_.count == capacity()) {
            head_.oldest = (head_.oldest + 1) % capacity();
        } else {
            ++head_.count;
        }
        put(head_.count - 1, time);
    }

    // Removes `number` entries from `first` on.
    void remove(std::uint32_t first, std::uint32_t number) noexcept {
        for (std::uint32_t entry = first; entry + number < head_.count; ++entry) {
            put(entry, at(entry + number));
        }
        head_.count -= number;
    }

  private:
    void put(std::uint32_t entry, Time time) noexcept {
        std::memcpy(bytes_.data() + offset(entry), &time, sizeof time);
    }

    std::span<std::byte> bytes_;
};

Reading read(const Log& log, const Window& window, std::uint32_t cost, Time now,
             Time memory) noexcept {
    const Time period = window.rate.period;
    const std::uint32_t limit = std::min(window.burst, log.capacity());
    const std::uint32_t oldest = log.first_after(now - period);
    const std::uint32_t held = log.count() - oldest;
    // Entries leave a period after their time; bytes that are no log must not overflow it.
    const auto leaves = [&](std::uint32_t entry) {
        return std::clamp(log.at(entry), now - period + 1, now + memory) + period - now;
    };
    Reading reading;
    reading.before = limit - std::min(held, limit);
    reading.passes = cost <= reading.before;
    if (reading.passes) {
        reading.after = reading.before - cost;
        reading.reset = held == 0 ? period : leaves(oldest);
    } else if (cost > limit) {
        reading.reset = memory;  // never
    } else {
        reading.reset = leaves(oldest + held + cost - limit - 1);
    }
    return reading;
}

void push(Writer& log, std::uint32_t number, Time now) noexcept {
    // In order, even if somebody has read the clock before somebody else who came first.
    const Time time = log.count() == 0 ? now : std::max(now, log.newest());
    for (; number > 0; --number) {
        log.push(time);
    }
}

}  // namespace

std::size_t state_size(const Policy& policy) noexcept {
    std::uint32_t entries = 0;
    for (const Window& window : policy.windows()) {
        entries = std::max(entries, window.burst);
    }
    return sizeof(Head) + entries * sizeof(Time);
}

Verdict peek(std::span<const std::byte> state, const Policy& policy, std::uint32_t cost,
             Time now) noexcept {
    const Time memory = policy.memory();
    const Log log(state, now, memory);
    std::array<Reading, kMaxWindows> readings;
    const auto windows = policy.windows();
    for (std::size_t i = 0; i < windows.size(); ++i) {
        readings[i] = read(log, windows[i], cost, now, memory);
    }
    return combine(std::span(readings).first(windows.size()));
}

void add(std::span<std::byte> state, const Policy& policy, std::uint32_t cost, Time now) noexcept {
    Writer log(state, now, policy.memory());
    push(log, cost, now);
}

void refund(std::span<std::byte> state, const Policy& policy, std::uint32_t cost, Time charged_at,
            Time now) noexcept {
    Writer log(state, now, policy.memory());
    const std::uint32_t end = log.first_after(charged_at);
    std::uint32_t first = end;
    while (first > 0 && end - first < cost && log.at(first - 1) == charged_at) {
        --first;
    }
    log.remove(first, end - first);
}

void seed(std::span<std::byte> state, const Policy& policy, std::uint8_t window,
          std::uint32_t remaining, Time now) noexcept {
    if (window >= policy.windows().size()) {
        return;
    }
    const Window& seeded = policy.windows()[window];
    Writer log(state, now, policy.memory());
    const std::uint32_t limit = std::min(seeded.burst, log.capacity());
    const std::uint32_t held = log.count() - log.first_after(now - seeded.rate.period);
    if (remaining < limit && held < limit - remaining) {
        push(log, limit - remaining - held, now);
    }
}

void carry_over(std::span<std::byte> state, const Policy& policy, std::span<const std::byte> old,
                const Policy& of_old, Time now) noexcept {
    const Log from(old, now, of_old.memory());
    Writer log(state, now, policy.memory());
    const std::uint32_t kept = std::min(from.count(), log.capacity());
    for (std::uint32_t entry = from.count() - kept; entry < from.count(); ++entry) {
        log.push(from.at(entry));
    }
}

Time expiry(std::span<const std::byte> state, const Policy& policy, Time now) noexcept {
    const Log log(state, now, policy.memory());
    return log.count() == 0 ? now : std::max(now, log.newest() + policy.memory());
}

}  // namespace gatehouse::rate_limit::sliding_window
