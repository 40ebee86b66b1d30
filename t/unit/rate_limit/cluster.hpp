#pragma once

#include <functional>
#include <queue>
#include <vector>

#include "rate_limit/core/gcra.hpp"
#include "rate_limit/core/key_state.hpp"
#include "rate_limit/streams.hpp"

// A cluster of nodes with one key between them, in simulated time: each node is a KeyState, Redis
// is one exact limiter at the other end of a network that delays, reorders and loses answers.

namespace gatehouse::test {

struct Network {
    std::int64_t shortest = 100;  // microseconds one way
    std::int64_t longest = 400;
    std::int64_t lost_one_in = 0;    // answers that never come; 0: none
    std::int64_t killed_one_in = 0;  // workers that die before the answer and end nothing
};

struct Tally {
    std::int64_t offered = 0;
    std::int64_t passed = 0;    // requests forwarded, by cost
    std::int64_t ideal = 0;     // what one exact limiter without any network would have passed
    std::int64_t commands = 0;  // that Redis has seen: charges and debits
    std::int64_t debits = 0;
    std::int64_t debited = 0;
    std::int64_t unconfirmed = 0;  // most at once, over all nodes
    std::vector<Admitted> admitted;
};

// The most by which the requests of any interval exceed what its length brings at the bare rate:
// of a limit that holds, at most its burst. Exact, in one pass: the interval that is worst so far
// either goes on, or a new one starts here.
inline double peak(const rate_limit::Window& window, std::span<const Admitted> admitted) {
    __extension__ using Wide = __int128;
    Wide level = 0, worst = 0;  // in units of 1/period requests
    std::int64_t last = 0;
    for (const Admitted& one : admitted) {
        expect(one.at >= last, "a tally", "is in order");
        level = std::max<Wide>(level - Wide{one.at - last} * window.rate.requests, 0) +
                Wide{one.cost} * window.rate.period;
        worst = std::max(worst, level);
        last = one.at;
    }
    return static_cast<double>(worst) / static_cast<double>(window.rate.period);
}

class Cluster {
  public:
    Cluster(const rate_limit::Shape& shape, std::size_t nodes, const Network& network,
            std::uint64_t seed)
        : shape_(shape),
          network_(network),
          random_(seed),
          nodes_(nodes, Bytes(rate_limit::KeyState::size(shape))),
          redis_(rate_limit::local_state_size(shape.policy)),
          ideal_(rate_limit::local_state_size(shape.policy)) {}

    const Tally& tally() const { return tally_; }
    void change(const Network& network) { network_ = network; }

    // Requests at random times, so many per second at each node, all of the same cost.
    void offer(const std::vector<double>& per_second, std::int64_t duration,
               std::uint32_t cost = 1) {
        const std::int64_t end = now_ + duration;
        for (std::size_t node = 0; node < per_second.size(); ++node) {
            if (per_second[node] > 0) {
                next_arrival(node, per_second[node], end, cost);
            }
        }
        for (; !events_.empty() && events_.top().at <= end; events_.pop()) {
            now_ = events_.top().at;
            // Moved out: the event may add others.
            const std::function<void()> act = events_.top().act;
            act();
        }
        now_ = end;
    }

    // One request, at a node, now.
    void request(std::size_t node, std::uint32_t cost) {
        tally_.offered += cost;
        tally_.ideal += charge(ideal_.span(), shape_.policy, cost, now_).allowed ? cost : 0;
        consider(node, cost, 0);
    }

  private:
    using Step = rate_limit::Step;
    using Verdict = rate_limit::Verdict;

    static constexpr std::int64_t kPatience = 20 * kMillisecond;

    struct Event {
        std::int64_t at;
        std::uint64_t number;
        std::function<void()> act;
        bool operator<(const Event& other) const {
            return at != other.at ? at > other.at : number > other.number;
        }
    };

    void after(std::int64_t delay, std::function<void()> act) {
        events_.push({now_ + delay, events_made_++, std::move(act)});
    }

    void next_arrival(std::size_t node, double per_second, std::int64_t end, std::uint32_t cost) {
        after(random_.gap(per_second), [=, this] {
            if (now_ < end) {
                request(node, cost);
                next_arrival(node, per_second, end, cost);
            }
        });
    }

    rate_limit::KeyState key(std::size_t node) { return {nodes_[node].span(), shape_}; }

    void forward(std::uint32_t cost) { tally_.passed += cost; }

    // What the adapter does with a request: at most one wait for a debit, then a charge.
    void consider(std::size_t node, std::uint32_t cost, int waits) {
        const Step step = key(node).consider(shape_.policy, cost, now_, kPatience);
        if (step.kind == Step::Kind::admit) {
            tally_.admitted.push_back({now_, cost});
            forward(cost);
        }
        if (step.debit > 0) {
            const bool waiting = step.kind == Step::Kind::ask;
            debit(node, step, [=, this] {
                if (waiting) {
                    consider(node, cost, waits + 1);
                }
            });
        } else if (step.kind == Step::Kind::ask) {
            expect(waits < 3, "a request", "does not wait for ever");
            charge_in_redis(node, step, cost);
        } else if (step.placed) {
            charge_behind(node, step, cost);
        }
    }

    // Runs `at_redis` there, and what it returns back at the node.
    void round_trip(std::size_t node, const Step& step,
                    std::function<std::function<void()>()> at_redis) {
        after(one_way(), [=, this] {
            ++tally_.commands;
            std::function<void()> answered = at_redis();
            if (strikes(network_.killed_one_in)) {
                return;
            }
            if (strikes(network_.lost_one_in)) {
                after(kPatience, [=, this] { key(node).give_up(step); });
            } else {
                after(one_way(), std::move(answered));
            }
        });
    }

    void charge_in_redis(std::size_t node, const Step& step, std::uint32_t cost) {
        const std::int64_t sent = now_;
        round_trip(node, step, [=, this]() -> std::function<void()> {
            const Verdict verdict = charge(redis_.span(), shape_.policy, cost, now_);
            if (verdict.allowed) {
                tally_.admitted.push_back({now_, cost});
            }
            return [=, this] {
                key(node).settle(step, shape_.policy, cost, verdict, sent, now_);
                if (verdict.allowed) {
                    forward(cost);
                }
            };
        });
    }

    void debit(std::size_t node, const Step& step, std::function<void()> then) {
        const std::int64_t sent = now_;
        round_trip(node, step, [=, this]() -> std::function<void()> {
            const Verdict one = peek(redis_.span(), shape_.policy, 1, now_);
            const std::uint32_t granted = one.allowed ? std::min(step.debit, one.remaining + 1) : 0;
            const Verdict verdict =
                granted > 0 ? charge(redis_.span(), shape_.policy, granted, now_) : one;
            ++tally_.debits;
            tally_.debited += granted;
            return [=, this] {
                key(node).credit(shape_.policy, granted, verdict, sent, now_);
                then();
            };
        });
    }

    // Charged whatever the verdict is. gcra only.
    void charge_behind(std::size_t node, const Step& step, std::uint32_t cost) {
        const std::int64_t sent = now_;
        tally_.unconfirmed = std::max(tally_.unconfirmed, ++unconfirmed_);
        round_trip(node, step, [=, this]() -> std::function<void()> {
            const Verdict verdict = peek(redis_.span(), shape_.policy, cost, now_);
            rate_limit::gcra::add(redis_.span(), shape_.policy, cost, now_);
            --unconfirmed_;
            return [=, this] { key(node).settle(step, shape_.policy, cost, verdict, sent, now_); };
        });
    }

    std::int64_t one_way() {
        return network_.shortest + random_.below(network_.longest - network_.shortest + 1);
    }
    bool strikes(std::int64_t one_in) { return one_in > 0 && random_.one_in(one_in); }

    rate_limit::Shape shape_;
    Network network_;
    Random random_;
    std::vector<Bytes> nodes_;
    Bytes redis_, ideal_;
    std::priority_queue<Event> events_;
    std::uint64_t events_made_ = 0;
    std::int64_t now_ = kStart;
    std::int64_t unconfirmed_ = 0;
    Tally tally_;
};

}  // namespace gatehouse::test
