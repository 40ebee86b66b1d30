#include "rate_limit/core/key_state.hpp"

#include <algorithm>
#include <type_traits>

#include "rate_limit/core/exhaustion.hpp"
#include "rate_limit/core/lease.hpp"

namespace gatehouse::rate_limit {
namespace {

constexpr std::size_t kMaxPlaces = 1024;

// How long it is remembered that a key was exhausted when its denial is over: long enough for a
// key that is asked for without end, which would start anew otherwise.
constexpr std::int64_t kAftermath = 1'000'000;

std::size_t places(const Shape& shape) noexcept {
    return shape.mode == Mode::optimistic ? std::min<std::size_t>(shape.unconfirmed, kMaxPlaces)
                                          : 0;
}

}  // namespace

// The last answer.
struct KeyState::Known {
    std::int64_t at;
    std::int64_t grows;
    std::uint32_t tag;
    std::uint32_t remaining;
    std::uint8_t window;
    std::uint8_t seeded;
    std::uint16_t unused;
    std::uint32_t unused_too;
};

std::size_t KeyState::size(const Shape& shape) noexcept {
    static_assert(sizeof(Exhaustion) == 32 && std::is_trivially_copyable_v<Exhaustion>);
    static_assert(sizeof(Known) == 32 && std::is_trivially_copyable_v<Known>);
    static_assert(sizeof(Lease) == 64 && std::is_trivially_copyable_v<Lease>);
    if (!shape.redis) {
        return local_state_size(shape.policy);
    }
    return sizeof(Exhaustion) + sizeof(Known) + (shape.mode == Mode::lease ? sizeof(Lease) : 0) +
           places(shape) * sizeof(std::int64_t) +
           (shape.local ? local_state_size(shape.policy.share(shape.hosts)) : 0);
}

KeyState::KeyState(std::span<std::byte> payload, const Shape& shape) noexcept : shape_(shape) {
    // The bytes are shared memory that was zeroed, and all parts are plain bytes.
    const auto take = [&]<class T>(T*, std::size_t count) {
        T* const part = reinterpret_cast<T*>(payload.data());
        payload = payload.subspan(count * sizeof(T));
        return part;
    };
    if (shape.redis) {
        exhaustion_ = take(exhaustion_, 1);
        known_ = take(known_, 1);
        lease_ = shape.mode == Mode::lease ? take(lease_, 1) : nullptr;
        places_ = {take(places_.data(), places(shape)), places(shape)};
    }
    local_ = payload;
}

Step KeyState::consider(const Policy& policy, std::uint32_t cost, std::int64_t now,
                        std::int64_t patience) noexcept {
    switch (shape_.mode) {
    case Mode::lease:
        return consider_lease(policy, cost, now, patience);
    case Mode::optimistic:
        return consider_optimistic(policy, cost, now, patience);
    case Mode::strict:
        break;
    }
    return consider_strict(policy, cost, now, patience);
}

Step KeyState::refuse(std::int64_t now) const noexcept {
    return {Step::Kind::refuse, Source::deny_cache, exhaustion_->refusal(now)};
}

Step KeyState::consider_strict(const Policy& policy, std::uint32_t cost, std::int64_t now,
                               std::int64_t patience) noexcept {
    Step step;
    if (!exhaustion_->concerns(policy, cost)) {
        return step;
    }
    step.probe = now >= exhaustion_->until && exhaustion_->start_probe(policy, now, patience);
    return step.probe ? step : refuse(now);
}

Step KeyState::consider_optimistic(const Policy& policy, std::uint32_t cost, std::int64_t now,
                                   std::int64_t patience) noexcept {
    if (exhaustion_->concerns(policy, cost)) {
        return consider_strict(policy, cost, now, patience);
    }
    const auto free = std::find_if(places_.begin(), places_.end(),
                                   [now](std::int64_t ends) { return ends <= now; });
    if (free == places_.end()) {
        return {};
    }
    Step step{Step::Kind::admit, Source::redis, presume(policy, cost, now)};
    step.placed = true;
    step.place = static_cast<std::uint16_t>(free - places_.begin());
    step.ends = *free = now + patience;
    known_->remaining -= std::min(known_->remaining, cost);
    return step;
}

Step KeyState::consider_lease(const Policy& policy, std::uint32_t cost, std::int64_t now,
                              std::int64_t patience) noexcept {
    const std::int64_t duration = std::max<std::int64_t>(shape_.lease, 1);
    lease_->arrive(policy, cost, now, duration);
    const bool debiting = lease_->debiting(now);
    Step step;
    step.ends = lease_->spend(cost, now);
    if (step.ends != 0) {
        step.kind = Step::Kind::admit;
        step.source = Source::lease;
        step.verdict = presume(policy, 0, now);
        if (!debiting && !exhaustion_->denies(policy, 1, now)) {
            step.debit = lease_->top_up(policy, cost, now, duration);
        }
    } else if (exhaustion_->denies(policy, cost, now)) {
        return refuse(now);
    } else if (debiting && exhaustion_->concerns(policy, cost)) {
        // The debit is the probe.
        Step refused = refuse(now);
        refused.verdict.reset = lease_->debit_ends() - now;
        return refused;
    } else if (cost > 1 && longest_time_of(policy, cost) > duration / 8 &&
               known_->tag == policy.tag() && known_->remaining < cost) {
        // Nodes that each collect such a cost in parts keep it from each other, until it expires.
        return consider_strict(policy, cost, now, patience);
    } else if (!debiting) {
        step.debit = lease_->refill(policy, cost, now, duration);
    }
    if (step.debit > 0) {
        lease_->start_debit(now + patience);
    }
    return step;
}

// What can be told a request that is admitted without an answer.
Verdict KeyState::presume(const Policy& policy, std::uint32_t cost,
                          std::int64_t now) const noexcept {
    Verdict verdict{true};
    if (known_->tag == policy.tag() && known_->window < policy.windows().size()) {
        verdict.window = known_->window;
        verdict.remaining = known_->remaining;
        verdict.reset = std::max(known_->grows, now) - now;
    } else {
        verdict.remaining = policy.windows()[0].burst;
    }
    verdict.remaining -= std::min(verdict.remaining, cost);
    if (lease_ != nullptr) {
        verdict.remaining += lease_->left(now);
    }
    if (verdict.reset == 0) {
        verdict.reset = policy.windows()[verdict.window].time_of(1);
    }
    return verdict;
}

void KeyState::learn(const Policy& policy, std::uint32_t cost, const Verdict& verdict,
                     std::int64_t sent, std::int64_t now) noexcept {
    // No answer locks a key out for longer than its policy can.
    const std::int64_t reset = std::clamp<std::int64_t>(verdict.reset, 1, policy.memory());
    std::int64_t pause = lease_ != nullptr ? shape_.lease / 8 : 0;
    for (const Window& window : policy.windows()) {
        pause = std::min(pause, window.time_of(window.burst) / 4);
    }
    exhaustion_->learn(policy, cost, verdict, sent, sent + std::max(reset, pause), now);
    *known_ = {now, sent + reset, policy.tag(), verdict.remaining, verdict.window, 0, 0, 0};
}

void KeyState::end(const Step& step) noexcept {
    if (step.probe) {
        exhaustion_->end_probe();
    }
    if (step.placed && step.place < places_.size() && places_[step.place] == step.ends) {
        places_[step.place] = 0;
    }
    if (step.debit > 0 && lease_ != nullptr) {
        lease_->end_debit();
    }
}

void KeyState::settle(const Step& step, const Policy& policy, std::uint32_t cost,
                      const Verdict& verdict, std::int64_t sent, std::int64_t now) noexcept {
    end(step);
    learn(policy, cost, verdict, sent, now);
}

void KeyState::credit(const Policy& policy, std::uint32_t granted, const Verdict& verdict,
                      std::int64_t sent, std::int64_t now) noexcept {
    lease_->credit(policy, granted, sent + shape_.lease, now, shape_.lease);
    Verdict answer = verdict;
    answer.allowed = granted > 0;
    learn(policy, std::max(granted, 1U), answer, sent, now);
}

void KeyState::give_up(const Step& step) noexcept { end(step); }

Verdict KeyState::charge_here(const Policy& policy, std::uint32_t cost, std::int64_t now) noexcept {
    if (!shape_.redis) {
        return charge(local_, policy, cost, now);
    }
    const Policy share = policy.share(shape_.hosts);
    // Once per answer: what this node spends and regains afterwards is in the local state.
    if (known_->tag == policy.tag() && known_->seeded == 0) {
        known_->seeded = 1;
        seed(local_, share, known_->window, known_->remaining / std::max(shape_.hosts, 1U),
             std::clamp<std::int64_t>(known_->at, 0, now));
    }
    return charge(local_, share, cost, now);
}

void KeyState::take_back(const Step& step, const Policy& policy, std::uint32_t cost,
                         std::int64_t charged_at, std::int64_t now) noexcept {
    if (step.source == Source::lease) {
        lease_->give_back(cost, step.ends, now);
    } else {
        refund(local_, shape_.redis ? policy.share(shape_.hosts) : policy, cost, charged_at, now);
    }
}

void KeyState::carry_over(const KeyState& old, std::int64_t now) noexcept {
    if (exhaustion_ != nullptr && old.exhaustion_ != nullptr) {
        *exhaustion_ = *old.exhaustion_;
        *known_ = *old.known_;
    }
    const auto kept_by = [](const Shape& shape) {
        return shape.redis ? shape.policy.share(shape.hosts) : shape.policy;
    };
    if (!local_.empty() && !old.local_.empty()) {
        rate_limit::carry_over(local_, kept_by(shape_), old.local_, kept_by(old.shape_), now);
    }
}

std::int64_t KeyState::expiry(const Policy& policy, std::int64_t now) const noexcept {
    std::int64_t latest = local_.empty() ? now : rate_limit::expiry(local_, policy, now);
    if (!shape_.redis) {
        return latest;
    }
    if (exhaustion_->tag != 0) {
        latest = std::max({latest, exhaustion_->until, exhaustion_->probes_end});
        // Not later than any answer can say, whatever the bytes are.
        latest = std::min(latest, now + 2 * kMaxPeriod) + kAftermath;
    }
    if (known_->tag != 0 && shape_.local) {
        latest = std::max(latest, std::min(known_->at, now) + policy.memory());
    }
    if (lease_ != nullptr) {
        latest = std::max(latest, lease_->expiry(now, shape_.lease));
    }
    for (const std::int64_t ends : places_) {
        latest = std::max(latest, ends);
    }
    return latest;
}

}  // namespace gatehouse::rate_limit
