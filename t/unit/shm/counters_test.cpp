#include "shm/counters.hpp"

#include <array>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "expect.hpp"
#include "oom.hpp"
#include "shm/shared.hpp"

namespace {

using namespace gatehouse::test;
using namespace std::string_view_literals;
using gatehouse::shm::Counters;

constexpr std::array kNames{"passed"sv, "rejected"sv, "a_name_of_exactly_31_characters"sv};
constexpr std::size_t kLanes = 4;

Counters formatted(std::span<std::byte> bytes) {
    const auto counters = Counters::format(bytes, kNames, kLanes);
    assert_true(counters.has_value());
    return *counters;
}

std::size_t size() { return Counters::bytes(kNames.size(), kLanes); }

void counts_by_name_and_lane(void**) {
    const Bytes bytes(size());
    Counters counters = formatted(bytes.span());
    assert_int_equal(counters.size(), kNames.size());
    assert_int_equal(counters.lanes(), kLanes);
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        assert_int_equal(counters.sum(i), 0);
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
        counters.add(lane, 0);
        counters.add(lane, 2, 10 * lane);
    }
    assert_int_equal(counters.sum(0), kLanes);
    assert_int_equal(counters.sum(1), 0);
    assert_int_equal(counters.sum(2), 60);
}

void is_read_by_who_knows_the_bytes_alone(void**) {
    const Bytes bytes(size() + 100);
    formatted(bytes.span()).add(3, 1, 5);
    const auto counters = Counters::attach(bytes.span());
    assert_true(counters.has_value());
    const auto names = counters->names();
    assert_int_equal(names.size(), kNames.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        expect_text(names[i], kNames[i], std::to_string(i));
    }
    assert_int_equal(counters->sum(1), 5);
}

void lanes_share_no_cache_line(void**) {
    const Bytes bytes(size());
    Counters counters = formatted(bytes.span());
    const auto span = bytes.span();
    std::set<std::size_t> lines;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const std::vector<std::byte> before(span.begin(), span.end());
        for (std::size_t i = 0; i < kNames.size(); ++i) {
            counters.add(lane, i);
        }
        std::set<std::size_t> touched;
        for (std::size_t octet = 0; octet < span.size(); ++octet) {
            if (span[octet] != before[octet]) {
                touched.insert(octet / 64);
            }
        }
        assert_false(touched.empty());
        for (const std::size_t line : touched) {
            expect(lines.insert(line).second, std::to_string(lane), "lines of its own");
        }
    }
    assert_false(lines.contains(0));
}

void wraps(void**) {
    const Bytes bytes(size());
    Counters counters = formatted(bytes.span());
    counters.add(0, 0, std::numeric_limits<std::uint64_t>::max());
    counters.add(1, 0, 3);
    assert_int_equal(counters.sum(0), 2);
}

void refuses_names_and_sizes_that_do_not_fit(void**) {
    const Bytes bytes(size());
    const auto span = bytes.span();
    assert_false(Counters::format(span.first(size() - 1), kNames, kLanes).has_value());
    assert_false(Counters::format(span, kNames, kLanes + 1).has_value());
    assert_false(Counters::format(span, kNames, 0).has_value());
    assert_false(Counters::format(span, kNames, Counters::kMaxLanes + 1).has_value());
    assert_false(Counters::format(span, {}, kLanes).has_value());
    assert_false(Counters::format(span.subspan(8), kNames, 1).has_value());
    assert_false(Counters::format({}, kNames, 1).has_value());
    for (const std::string_view name : {""sv, "nul\0"sv, "a name that has 32 characters no"sv}) {
        const std::array names{name};
        expect(!Counters::format(span, names, 1), name, "no name");
    }
    const std::vector<std::string_view> most(Counters::kMaxNames, "n");
    const Bytes much(Counters::bytes(Counters::kMaxNames, 1));
    assert_true(Counters::format(much.span(), most, 1).has_value());
    std::vector<std::string_view> more = most;
    more.emplace_back("n");
    const Bytes more_bytes(Counters::bytes(more.size(), 1));
    assert_false(Counters::format(more_bytes.span(), more, 1).has_value());
}

void refuses_what_was_not_formatted(void**) {
    const Bytes bytes(size());
    const auto span = bytes.span();
    assert_false(Counters::attach(span).has_value());
    formatted(span);
    assert_true(Counters::attach(span).has_value());
    for (const std::size_t length : {std::size_t{0}, std::size_t{8}, std::size_t{63}, size() - 1}) {
        expect(!Counters::attach(span.first(length)), std::to_string(length), "too short");
    }
    assert_false(Counters::attach(span.subspan(8)).has_value());
    for (std::size_t octet = 0; octet < 12; ++octet) {
        span[octet] ^= std::byte{0x40};
        expect(!Counters::attach(span), std::to_string(octet), "magic or version");
        span[octet] ^= std::byte{0x40};
    }
    for (const std::size_t field : {12U, 16U}) {
        std::uint32_t kept = 0;
        std::memcpy(&kept, &span[field], sizeof kept);
        for (const std::uint32_t wrong : {0U, 5000U, 0x80000000U, 0xffffffffU}) {
            std::memcpy(&span[field], &wrong, sizeof wrong);
            expect(!Counters::attach(span), std::to_string(wrong), "names or lanes");
        }
        std::memcpy(&span[field], &kept, sizeof kept);
    }
}

// The sanitizer is the judge.
void names_that_never_end_do(void**) {
    const Bytes bytes(size());
    formatted(bytes.span());
    for (std::byte& octet : bytes.span().subspan(64)) {
        octet = std::byte{'x'};
    }
    for (const std::string_view name : Counters::attach(bytes.span())->names()) {
        assert_int_equal(name.size(), Counters::kMaxNameLength);
    }
}

void loses_nothing_of_processes_that_are_killed(void**) {
    constexpr std::uint64_t kTimes = 20'000;
    const SharedBytes bytes(size());
    Counters counters = formatted(bytes.span());
    const int status = in_child([&] {
        const pid_t other = fork();
        auto own = Counters::attach(bytes.span());
        for (std::uint64_t i = 0; i < kTimes; ++i) {
            own->add(2, 0);  // the lane of both
        }
        if (other == 0) {
            raise(SIGKILL);
        }
        int ended = 0;
        _exit(waitpid(other, &ended, 0) == other && killed(ended) ? 0 : 1);
    });
    assert_true(succeeded(status));
    assert_int_equal(counters.sum(0), 2 * kTimes);
}

void reports_that_memory_ran_out(void**) {
    const Bytes bytes(size());
    Counters counters = formatted(bytes.span());
    bool wrong = false;
    for_each_failing_allocation([&] {
        counters.add(0, 0);
        wrong |= counters.names().size() != kNames.size();
    });
    assert_false(wrong);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(counts_by_name_and_lane),
        cmocka_unit_test(is_read_by_who_knows_the_bytes_alone),
        cmocka_unit_test(lanes_share_no_cache_line),
        cmocka_unit_test(wraps),
        cmocka_unit_test(refuses_names_and_sizes_that_do_not_fit),
        cmocka_unit_test(refuses_what_was_not_formatted),
        cmocka_unit_test(names_that_never_end_do),
        cmocka_unit_test(loses_nothing_of_processes_that_are_killed),
        cmocka_unit_test(reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
