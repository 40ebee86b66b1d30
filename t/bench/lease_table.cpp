// What a lease costs, for t/bench: lease_table BYTES LEASES, where a zone of so many bytes has a
// table of so many leases. Three such tables are filled to 1, 50 and 95 percent of their keys, each
// of which holds the two leases that there are for a key: of the leases the same percentage is
// held. A take() with its release() is measured in the three by turns, for many rounds. Ratios are
// taken within a round, and medians count.
//
// Keys are asked for at random. Otherwise the branch predictor knows where in a group each of them
// is, as long as there are few, and no busy server is so predictable.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "connection_limit/core/lease_table.hpp"

namespace {

using gatehouse::base::Hash128;
using gatehouse::connection_limit::LeaseTable;
using Outcome = LeaseTable::Outcome;

constexpr std::array kPercents = {1U, 50U, 95U};
constexpr std::size_t kTables = kPercents.size();
constexpr std::size_t kLeasesPerKey = 2;
constexpr std::size_t kKeyBytes = 36;
constexpr std::size_t kBytesPerKey = kKeyBytes + kLeasesPerKey * 8;
constexpr std::size_t kKeysPerMegabyte = 12'000;
constexpr double kFlat = 1.25;
constexpr std::size_t kRounds = 31;
constexpr std::size_t kOperations = 200'000;
constexpr std::size_t kSequence = std::size_t{1} << 14;
constexpr std::uint32_t kUnlimited = std::numeric_limits<std::uint32_t>::max();

[[noreturn]] void die(const char* what) {
    std::fprintf(stderr, "lease_table: %s\n", what);
    std::exit(1);
}

const char* verdict(bool met) { return met ? "met" : "missed"; }

std::mt19937_64 random_bits(1);

Hash128 random_key() { return {random_bits(), random_bits()}; }

struct alignas(64) Line {
    std::byte bytes[64];
};

// As the head of lease_table.hpp says.
std::size_t lines(std::size_t leases) {
    const std::size_t bytes =
        64 + LeaseTable::kMaxOwners * 16 + 64 + leases / kLeasesPerKey * kBytesPerKey;
    return (bytes + sizeof(Line) - 1) / sizeof(Line);
}

struct Subject {
    explicit Subject(std::size_t leases) : memory(lines(leases)) {
        const auto formatted = LeaseTable::format(std::as_writable_bytes(std::span(memory)));
        if (!formatted || formatted->leases() != leases) {
            die("no table has so many leases");
        }
        table = formatted;
        owner = table->enroll({1, 1});
    }

    LeaseTable::Taken take(const Hash128& key) {
        return table->take(key, owner, kUnlimited, ++now);
    }
    void release(std::uint32_t lease) { table->release(lease, owner, now); }

    std::vector<Line> memory;
    std::optional<LeaseTable> table;
    std::size_t owner = 0;
    std::int64_t now = 0;
    std::vector<Hash128> keys;    // that hold leases
    std::size_t before_full = 0;  // so many held some when another found no room
    std::size_t without_room = 0;
};

// Groups of places are full before the table is: a key that finds no room is left out.
void fill(Subject& subject, unsigned percent) {
    const std::size_t wanted = subject.table->keys() * percent / 100;
    while (subject.keys.size() < wanted) {
        const Hash128 key = random_key();
        if (subject.take(key).outcome == Outcome::held) {
            subject.keys.push_back(key);
        } else if (subject.before_full == 0) {
            subject.before_full = subject.keys.size();
        }
    }
    for (const Hash128& key : subject.keys) {
        subject.take(key);
    }
    if (subject.table->held() != kLeasesPerKey * wanted) {
        die("the table is not as full as it should be");
    }
    std::shuffle(subject.keys.begin(), subject.keys.end(), random_bits);
}

// Some of the first `count` keys that hold leases, again and again.
std::vector<Hash128> known(const Subject& subject, std::size_t count) {
    std::vector<Hash128> sequence(kSequence);
    for (Hash128& key : sequence) {
        key = subject.keys[random_bits() % count];
    }
    return sequence;
}

// Keys that the table does not know and has room for: so many that each is forgotten before its
// turn comes again. Those without room are counted.
std::vector<Hash128> fresh(Subject& subject) {
    std::vector<Hash128> sequence;
    while (sequence.size() < 4 * subject.table->keys()) {
        const Hash128 key = random_key();
        const auto taken = subject.take(key);
        if (taken.outcome == Outcome::held) {
            subject.release(taken.lease);
            sequence.push_back(key);
        } else {
            ++subject.without_room;
        }
    }
    return sequence;
}

void operate(Subject& subject, std::span<const Hash128> keys) {
    std::size_t next = 0;
    for (std::size_t i = 0; i < kOperations; ++i) {
        const auto taken = subject.take(keys[next]);
        if (taken.outcome != Outcome::held) {
            die("no room");
        }
        subject.release(taken.lease);
        next = next + 1 == keys.size() ? 0 : next + 1;
    }
}

double nanoseconds(Subject& subject, std::span<const Hash128> keys) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    operate(subject, keys);
    const std::chrono::duration<double, std::nano> time = Clock::now() - start;
    return time.count() / kOperations;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

// `choose` says which keys are asked for. Without a bound: for information.
template <class Choose>
void measure(const char* title, std::span<Subject> subjects, bool bound, Choose choose) {
    std::array<std::vector<double>, kTables> times, ratios;
    std::array<std::vector<Hash128>, kTables> keys;
    for (std::size_t i = 0; i < kTables; ++i) {
        keys[i] = choose(subjects[i]);
        operate(subjects[i], keys[i]);
    }
    for (std::size_t round = 0; round < kRounds; ++round) {
        for (std::size_t i = 0; i < kTables; ++i) {
            times[i].push_back(nanoseconds(subjects[i], keys[i]));
            ratios[i].push_back(times[i].back() / times[0].back());
        }
    }
    const double half = median(ratios[1]), most = median(ratios[2]);
    std::printf("%-20s %7.1f %7.1f %7.1f %8.2f %8.2f", title, median(times[0]), median(times[1]),
                median(times[2]), half, most);
    if (bound) {
        std::printf("   <= %.2f %s", kFlat, verdict(half <= kFlat && most <= kFlat));
    }
    std::printf("\n");
}

std::size_t number(const char* text) { return std::strtoul(text, nullptr, 10); }

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        die("usage: lease_table BYTES LEASES");
    }
    const std::size_t zone = number(argv[1]), leases = number(argv[2]);
    std::vector<Subject> subjects;
    for (const unsigned percent : kPercents) {
        subjects.emplace_back(leases);
        fill(subjects.back(), percent);
    }
    const std::size_t keys = subjects[0].table->keys();
    const std::size_t before_full = subjects[kTables - 1].before_full;
    std::printf(
        "a zone of %zu bytes: %zu keys, %zu leases, %zu bytes per key with its leases "
        "(%.1f of the zone)\n",
        zone, keys, leases, kBytesPerKey, static_cast<double>(zone) / static_cast<double>(keys));
    const std::size_t promised = zone / (std::size_t{1} << 20) * kKeysPerMegabyte;
    std::printf("keys that held leases when one first found no room: %zu (%zu %%)   >= %zu %s\n\n",
                before_full, 100 * before_full / keys, promised, verdict(before_full >= promised));

    const std::size_t few = subjects[0].keys.size();
    std::printf("%-20s %7s %7s %7s %8s %8s   bound\n", "ns", "1 %", "50 %", "95 %", "50/1", "95/1");
    measure("known, equally few", subjects, true,
            [few](const Subject& subject) { return known(subject, few); });
    measure("known, any", subjects, false,
            [](const Subject& subject) { return known(subject, subject.keys.size()); });
    measure("new", subjects, true, fresh);
    const double refused = static_cast<double>(subjects[kTables - 1].without_room);
    std::printf("\nnew keys without room at 95 %%: %.0f %%\n",
                100 * refused / (refused + 4 * static_cast<double>(keys)));
}
