// The scripts and the same algorithms in C++ (local.hpp), side by side on one clock.

#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "rate_limit/core/local.hpp"
#include "rate_limit/script_calls.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;

constexpr std::int64_t kEpoch = 1'763'785'846'123'456;
constexpr std::int64_t kLatest = std::int64_t{1} << 52;  // of the year 2112; doubles end in 2255

std::string text(const Verdict& verdict) {
    return (verdict.allowed ? "allowed" : "refused") + std::string(" by ") +
           std::to_string(verdict.window) + ", remaining " + std::to_string(verdict.remaining) +
           ", reset " + std::to_string(verdict.reset) + ", excess " +
           std::to_string(verdict.excess);
}

struct Charge {
    std::uint32_t cost;
    std::int64_t at;
};

// One key in both worlds.
class Twin {
  public:
    Twin(std::string key, const Policy& policy)
        : key_(std::move(key)), policy_(policy), state_(local_state_size(policy)) {}

    void charge(std::uint32_t cost, std::int64_t now) {
        const Item item{&policy_, cost};
        const Charged ours = scripts->charge(key_, item);
        const Verdict theirs = gatehouse::rate_limit::charge(state_, policy_, cost, now);
        expect_text(text(ours.verdict), text(theirs), key_);
        expect(ours.granted == (theirs.allowed ? cost : 0), key_, "granted");
        if (theirs.allowed) {
            charges_.push_back({cost, now});
        }
        ++(theirs.allowed ? allowed_ : refused_);
    }

    // Takes back one of the charges, at most once.
    void refund(std::size_t choice, std::int64_t now) {
        if (charges_.empty()) {
            return;
        }
        const auto chosen =
            charges_.begin() + static_cast<std::ptrdiff_t>(choice % charges_.size());
        scripts->refund(key_, {&policy_, chosen->cost}, chosen->cost, chosen->at);
        gatehouse::rate_limit::refund(state_, policy_, chosen->cost, chosen->at, now);
        charges_.erase(chosen);
    }

    int allowed() const noexcept { return allowed_; }
    int refused() const noexcept { return refused_; }

  private:
    std::string key_;
    Policy policy_;
    std::vector<std::byte> state_;
    std::vector<Charge> charges_;
    int allowed_ = 0, refused_ = 0;
};

std::uint32_t any_cost(std::mt19937_64& random, std::uint32_t burst) {
    switch (random() % 8) {
    case 0:
        return 1 + random() % burst;
    case 1:
        return burst + random() % 2;
    case 2:
        return 1 + random() % std::min(burst, 5U);
    default:
        return 1;
    }
}

std::int64_t below(std::mt19937_64& random, std::int64_t end) {
    return static_cast<std::int64_t>(random() >> 1) % end;
}

// Pauses from none at all to longer than the windows, most of them near the bare rate.
std::int64_t any_pause(std::mt19937_64& random, const Policy& policy) {
    const Window& window = policy.windows()[random() % policy.windows().size()];
    const std::int64_t interval = std::max<std::int64_t>(window.cost / window.per, 1);
    switch (random() % 8) {
    case 0:
        return 0;
    case 1:
        return 1;
    case 2:
        return interval;
    case 3:
        return below(random, policy.memory() / 5 + 2);
    case 4:
        return random() % 16 == 0 ? policy.memory() - 1 + below(random, 3) : 0;
    default:
        return below(random, 2 * interval + 1);
    }
}

void compare(const std::string& name, const Policy& policy, int steps) {
    std::mt19937_64 random(static_cast<unsigned>(steps) + policy.tag());
    Twin twin(name, policy);
    std::int64_t now = kEpoch;
    for (int step = 0; step < steps && now < kLatest; ++step) {
        now += any_pause(random, policy);
        scripts->set_clock(now);
        if (random() % 8 == 0) {
            twin.refund(random(), now);
        } else {
            const auto windows = policy.windows();
            twin.charge(any_cost(random, windows[random() % windows.size()].burst), now);
        }
    }
    expect(twin.allowed() > 100 && twin.refused() > 100, name, "both verdicts");
}

void gcra_is_the_same(void**) {
    constexpr auto kGcra = Algorithm::gcra;
    compare("10r/s", make_policy(kGcra, {"10r/s"}), 3000);
    compare("10r/s burst", make_policy(kGcra, {"10r/s"}, 1), 1000);
    compare("7r/3s", make_policy(kGcra, {"7r/3s"}), 3000);
    compare("999983r/1d", make_policy(kGcra, {"999983r/1d"}), 3000);
    compare("1000000r/1s", make_policy(kGcra, {"1000000r/1s"}), 2000);
    compare("999999937r/366d", make_policy(kGcra, {"999999937r/366d"}), 2000);
    compare("1r/7d", make_policy(kGcra, {"1r/7d"}), 1000);
    compare("3r/s 20r/10m", make_policy(kGcra, {"3r/s", "20r/10m"}), 3000);
    compare("three", make_policy(kGcra, {"7r/3s", "100r/1m", "1000r/1h"}, 50), 3000);
    compare("four", make_policy(kGcra, {"11r/s", "101r/1m", "1009r/1h", "9973r/1d"}), 3000);
}

void sliding_window_is_the_same(void**) {
    constexpr auto kSliding = Algorithm::sliding_window;
    compare("1r/s", make_policy(kSliding, {"1r/s"}), 1000);
    compare("20r/10m", make_policy(kSliding, {"20r/10m"}), 3000);
    compare("7r/3s", make_policy(kSliding, {"7r/3s"}), 2000);
    compare("1000r/1h", make_policy(kSliding, {"1000r/1h"}), 3000);
    compare("10000r/1d", make_policy(kSliding, {"10000r/1d"}), 3000);
    compare("two", make_policy(kSliding, {"5r/s", "20r/10m"}), 3000);
    compare("four", make_policy(kSliding, {"11r/s", "101r/1m", "1009r/1h", "9973r/1d"}), 3000);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test_setup(gcra_is_the_same, clean_server),
        cmocka_unit_test_setup(sliding_window_is_the_same, clean_server),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
