#include "shm/region.hpp"

#include <algorithm>
#include <string>

#include "expect.hpp"
#include "shm/shared.hpp"

namespace {

using namespace gatehouse::test;
using gatehouse::base::SipKey;
using gatehouse::shm::Region;

constexpr std::uint64_t kFingerprint = 0x0123456789abcdef;
constexpr SipKey kSeed{0x1111111111111111, 0x2222222222222222};
constexpr std::size_t kSize = 1024;

bool as_formatted(const Region& region) {
    return region.fingerprint() == kFingerprint && region.seed().k0 == kSeed.k0 &&
           region.seed().k1 == kSeed.k1;
}

void attaches_to_what_was_formatted(void**) {
    const Bytes bytes(kSize);
    const auto region = Region::format(bytes.span(), kFingerprint, kSeed);
    assert_true(region && as_formatted(*region));
    assert_int_equal(region->body().size(), kSize - Region::kHeaderBytes);
    assert_true(region->body().data() == bytes.span().data() + Region::kHeaderBytes);

    const auto again = Region::attach(bytes.span());
    assert_true(again && as_formatted(*again));
    assert_true(again->body().data() == region->body().data());
    assert_int_equal(again->body().size(), region->body().size());
}

void leaves_the_body_alone(void**) {
    const Bytes bytes(kSize);
    std::fill(bytes.span().begin(), bytes.span().end(), std::byte{7});
    const auto region = Region::format(bytes.span(), kFingerprint, kSeed);
    assert_true(region.has_value());
    for (const std::byte octet : region->body()) {
        assert_true(octet == std::byte{7});
    }
}

void does_not_take_more_than_was_formatted(void**) {
    const Bytes bytes(kSize);
    assert_true(Region::format(bytes.span().first(256), kFingerprint, kSeed).has_value());
    const auto region = Region::attach(bytes.span());
    assert_true(region.has_value());
    assert_int_equal(region->body().size(), 256 - Region::kHeaderBytes);
    assert_false(Region::attach(bytes.span().first(255)).has_value());
}

void refuses_what_is_no_region(void**) {
    const Bytes bytes(kSize);
    const auto span = bytes.span();
    assert_false(Region::attach(span).has_value());
    for (const std::size_t size : {0U, 1U, 63U, 64U}) {
        expect(!Region::format(span.first(size), 0, {}), std::to_string(size), "too short");
    }
    assert_false(Region::format(span.subspan(8), 0, {}).has_value());

    assert_true(Region::format(span, kFingerprint, kSeed).has_value());
    assert_false(Region::attach(span.first(Region::kHeaderBytes)).has_value());
    assert_false(Region::attach(span.subspan(64)).has_value());
    for (std::size_t octet = 0; octet < 12; ++octet) {
        span[octet] ^= std::byte{0x10};
        expect(!Region::attach(span), std::to_string(octet), "magic or version");
        span[octet] ^= std::byte{0x10};
    }
    std::uint64_t size = 0;
    for (const std::uint64_t wrong : {std::uint64_t{0}, std::uint64_t{64}, ~std::uint64_t{0}}) {
        std::memcpy(&size, &span[16], sizeof size);
        std::memcpy(&span[16], &wrong, sizeof wrong);
        expect(!Region::attach(span), std::to_string(wrong), "size");
        std::memcpy(&span[16], &size, sizeof size);
    }
    assert_true(Region::attach(span).has_value());
}

void another_process_reads_the_seed(void**) {
    const SharedBytes bytes(4096);
    assert_true(Region::format(bytes.span(), kFingerprint, kSeed).has_value());
    assert_true(succeeded(in_child([&] {
        const auto region = Region::attach(bytes.span());
        if (!region || !as_formatted(*region)) {
            _exit(1);
        }
    })));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(attaches_to_what_was_formatted),
        cmocka_unit_test(leaves_the_body_alone),
        cmocka_unit_test(does_not_take_more_than_was_formatted),
        cmocka_unit_test(refuses_what_is_no_region),
        cmocka_unit_test(another_process_reads_the_seed),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
