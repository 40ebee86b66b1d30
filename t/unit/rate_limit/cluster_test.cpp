// What the modes promise, proved on simulated clusters.

#include "rate_limit/cluster.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::test;

constexpr std::uint16_t kPlaces = 8;

constexpr Network kNear{};
constexpr Network kFar{1 * kMillisecond, 3 * kMillisecond};
constexpr Network kBad{100, 2 * kMillisecond, 10, 50};

Shape shape(const Policy& policy, Mode mode, std::int64_t lease = 0) {
    Shape made{policy};
    made.mode = mode;
    made.redis = true;
    made.local = false;
    made.lease = lease;
    made.unconfirmed = kPlaces;
    return made;
}

// How a load is divided among nodes.
using Shares = std::vector<double>;
const std::vector<Shares>& divisions() {
    static const std::vector<Shares> kDivisions{
        {1}, {0.5, 0.5}, {0.85, 0.1, 0.05, 0}, {0.25, 0.25, 0.25, 0.25}};
    return kDivisions;
}

// Of the limit's rate: below, at and above it.
constexpr std::array kLoads{0.5, 0.9, 1.0, 1.2, 5.0};

double rate_of(const Policy& policy) {
    double lowest = 1e12;
    for (const Window& window : policy.windows()) {
        lowest = std::min(lowest, static_cast<double>(window.rate.requests) * kSecond /
                                      static_cast<double>(window.rate.period));
    }
    return lowest;
}

std::vector<double> scaled(const Shares& shares, double per_second) {
    std::vector<double> rates;
    for (const double share : shares) {
        rates.push_back(share * per_second);
    }
    return rates;
}

// Long enough for some hundred requests, if that is not long.
std::int64_t duration(const Policy& policy) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(300 * kSecond / rate_of(policy)),
                                    2 * kSecond, 40 * kSecond);
}

struct Scenario {
    Shape shape;
    Shares shares;
    double load;  // a multiple of the limit's rate
    Network network = kNear;
    std::uint32_t cost = 1;
};

std::string text_of(const Scenario& scenario) {
    return name_of(scenario.shape.policy) + " lease " + std::to_string(scenario.shape.lease) +
           " nodes " + std::to_string(scenario.shares.size()) + " most at one " +
           std::to_string(scenario.shares[0]) + " load " + std::to_string(scenario.load) +
           " cost " + std::to_string(scenario.cost);
}

Tally run(const Scenario& scenario) {
    const Policy& policy = scenario.shape.policy;
    Cluster cluster(scenario.shape, scenario.shares.size(), scenario.network, policy.tag());
    cluster.offer(scaled(scenario.shares, scenario.load * rate_of(policy) / scenario.cost),
                  duration(policy), scenario.cost);
    return cluster.tally();
}

// In any window W, at most `beyond` requests more than burst + rate * W.
void expect_bound(const Scenario& scenario, const Tally& tally, double beyond) {
    for (const Window& window : scenario.shape.policy.windows()) {
        if (scenario.shape.policy.algorithm() == Algorithm::gcra) {
            expect(peak(window, tally.admitted) <= window.burst + beyond, text_of(scenario),
                   "no more than the bound");
        } else {
            expect(surplus(window, Algorithm::sliding_window, tally.admitted) == 0,
                   text_of(scenario), "never more than N in a period");
        }
    }
}

void expect_due(const Scenario& scenario, const Tally& tally, int percent) {
    expect(tally.passed * 100 >= tally.ideal * percent, text_of(scenario),
           "what is due passes, or nearly all of it");
}

template <class Check>
void for_each_load(const Shape& shape, Check&& check) {
    for (const Shares& shares : divisions()) {
        for (const double load : kLoads) {
            const Scenario scenario{shape, shares, load};
            check(scenario, run(scenario));
        }
    }
}

// What was leased may be spent for so long after it was due.
double leased(const Shape& shape) {
    return rate_of(shape.policy) * static_cast<double>(shape.lease) / kSecond;
}

void strict_passes_what_is_due_and_no_more(void**) {
    for (const Policy& policy :
         {gcra_policy({"10r/s"}), gcra_policy({"1000r/s"}, 50), gcra_policy({"100r/s", "900r/10s"}),
          log_policy({"10r/s"}), log_policy({"200r/s", "900r/5s"})}) {
        for_each_load(shape(policy, Mode::strict), [](const auto& scenario, const Tally& tally) {
            expect_bound(scenario, tally, 0);
            expect_due(scenario, tally, 97);
        });
    }
}

void leases_pass_what_is_due_and_a_lease_more(void**) {
    for (const Policy& policy :
         {gcra_policy({"10r/s"}), gcra_policy({"100r/s"}, 20), gcra_policy({"2000r/s"}, 200)}) {
        for (const std::int64_t lease : {20 * kMillisecond, 100 * kMillisecond, kSecond}) {
            const Shape leasing = shape(policy, Mode::lease, lease);
            for_each_load(leasing, [&](const auto& scenario, const Tally& tally) {
                expect_bound(scenario, tally, leased(leasing));
                expect_due(scenario, tally, 85);
            });
        }
    }
}

void optimism_has_its_bound(void**) {
    for (const Policy& policy : {gcra_policy({"10r/s"}), gcra_policy({"2000r/s"}, 200)}) {
        const Shape optimistic = shape(policy, Mode::optimistic);
        for_each_load(optimistic, [](const auto& scenario, const Tally& tally) {
            const auto most = static_cast<double>(scenario.shares.size() * kPlaces);
            expect_bound(scenario, tally, most);
            expect_due(scenario, tally, 97);
            expect(static_cast<double>(tally.unconfirmed) <= most, text_of(scenario),
                   "no more unconfirmed than places");
        });
    }
}

void requests_of_many_costs_and_windows_keep_the_bounds(void**) {
    const Policy policy = gcra_policy({"2000r/s", "15000r/10s"}, 300);
    const Shape leasing = shape(policy, Mode::lease, 100 * kMillisecond);
    for (const std::uint32_t cost : {2U, 7U, 50U}) {
        for (const Shares& shares : divisions()) {
            const Scenario strict{shape(policy, Mode::strict), shares, 2, kNear, cost};
            const Tally charged = run(strict);
            expect_bound(strict, charged, 0);
            expect_due(strict, charged, 97);
            const Scenario lease{leasing, shares, 2, kNear, cost};
            const Tally debited = run(lease);
            // A faster window's lease brings more.
            expect_bound(lease, debited, 2000 * 0.1);
            expect_due(lease, debited, 85);
        }
    }
}

void networks_make_no_difference_to_the_bounds(void**) {
    const Policy policy = gcra_policy({"500r/s"}, 100);
    for (const Network& network : {kFar, kBad}) {
        for (const Shares& shares : divisions()) {
            for (const double load : {0.9, 3.0}) {
                const Scenario strict{shape(policy, Mode::strict), shares, load, network};
                expect_bound(strict, run(strict), 0);
                const Scenario lease{shape(policy, Mode::lease, 100 * kMillisecond), shares, load,
                                     network};
                expect_bound(lease, run(lease), leased(lease.shape));
                const Scenario optimistic{shape(policy, Mode::optimistic), shares, load, network};
                expect_bound(optimistic, run(optimistic),
                             static_cast<double>(shares.size() * kPlaces));
            }
        }
    }
}

// Lost answers and killed workers leave probes, places and debits behind.
void keys_recover_from_what_was_left_behind(void**) {
    const Policy policy = gcra_policy({"500r/s"}, 100);
    for (const Mode mode : {Mode::strict, Mode::lease, Mode::optimistic}) {
        Cluster cluster(shape(policy, mode, 100 * kMillisecond), 2, {100, 400, 3, 3}, 9);
        cluster.offer({1000, 1000}, 2 * kSecond);
        cluster.change(kNear);
        cluster.offer({100, 100}, kSecond);
        const Tally before = cluster.tally();
        cluster.offer({200, 200}, 5 * kSecond);
        const Tally& after = cluster.tally();
        const std::int64_t passed = after.passed - before.passed;
        const std::int64_t offered = after.offered - before.offered;
        expect(passed * 100 >= offered * 95, name_of(policy), "all is well again");
    }
}

// The commands of the second and third second.
std::int64_t commands_per_second(const Shape& shape, std::vector<double> per_second) {
    Cluster cluster(shape, per_second.size(), kNear, 1);
    cluster.offer(per_second, kSecond);
    const std::int64_t before = cluster.tally().commands;
    cluster.offer(per_second, 2 * kSecond);
    return (cluster.tally().commands - before) / 2;
}

void a_flood_costs_redis_next_to_nothing(void**) {
    for (const Mode mode : {Mode::strict, Mode::lease, Mode::optimistic}) {
        const Shape limit = shape(gcra_policy({"10r/s"}), mode, 100 * kMillisecond);
        assert_in_range(commands_per_second(limit, {50'000}), 1, 20);
    }
    assert_in_range(commands_per_second(shape(log_policy({"10r/s"}), Mode::strict), {50'000}), 1,
                    40);
}

void a_hot_key_costs_few_debits(void**) {
    for (const std::string_view rate : {"100000r/s", "40000r/s", "10000r/s", "500r/s"}) {
        const Shape limit = shape(gcra_policy({rate}), Mode::lease, 100 * kMillisecond);
        assert_in_range(commands_per_second(limit, {40'000}), 1, 150);
    }
}

void a_cold_key_debits_what_it_needs(void**) {
    Cluster cluster(shape(gcra_policy({"20r/s"}), Mode::lease, 100 * kMillisecond), 1, kNear, 5);
    cluster.offer({1}, 200 * kSecond);
    cluster.offer({}, kSecond);  // the last answer
    const Tally& tally = cluster.tally();
    assert_int_equal(tally.passed, tally.offered);
    // Nothing expires; of two at once, the second may have been charged by itself.
    assert_true(tally.debited <= tally.passed);
    assert_int_equal(tally.commands, tally.offered);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(strict_passes_what_is_due_and_no_more),
        cmocka_unit_test(leases_pass_what_is_due_and_a_lease_more),
        cmocka_unit_test(optimism_has_its_bound),
        cmocka_unit_test(requests_of_many_costs_and_windows_keep_the_bounds),
        cmocka_unit_test(networks_make_no_difference_to_the_bounds),
        cmocka_unit_test(keys_recover_from_what_was_left_behind),
        cmocka_unit_test(a_flood_costs_redis_next_to_nothing),
        cmocka_unit_test(a_hot_key_costs_few_debits),
        cmocka_unit_test(a_cold_key_debits_what_it_needs),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
