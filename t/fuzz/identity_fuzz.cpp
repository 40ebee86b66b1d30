// Keys out of requests. The input is lines: a prefix length, a prefix of keys, a zone's name, and
// the rest is the value of the key expression.
//
// What must hold: identities are bounded and depend on nothing but the value; an address is the
// same in all its spellings; and a key in Redis has its form, whatever the identity is.

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "base/siphash.hpp"
#include "property.hpp"
#include "rate_limit/core/identity.hpp"

namespace {

using namespace gatehouse;
using namespace gatehouse::rate_limit;
using namespace gatehouse::fuzz;

std::string identify(KeyKind kind, std::string_view value, unsigned prefix) {
    // What was there before must not show.
    std::array<char, 17> storage, other;
    storage.fill('a');
    other.fill('b');
    const std::string result(identity(kind, value, prefix, storage));
    require(result == identity(kind, value, prefix, other), "the same for the same value");
    return result;
}

// Octets of an address in all forms.
void check_address(std::string_view octets, unsigned prefix) {
    const std::string binary = identify(KeyKind::binary_address, octets, prefix);
    const bool ipv4 = octets.size() == 4;
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(ipv4 ? AF_INET : AF_INET6, octets.data(), text.data(), text.size());
    require(identify(KeyKind::address, text.data(), prefix) == binary, "the same as in text");
    if (ipv4) {
        require(identify(KeyKind::address, std::string("::ffff:") + text.data(), prefix) == binary,
                "the same when it is mapped");
        return;
    }
    // Beyond the prefix nothing counts, except that the address may be a mapped one.
    std::string neighbour(octets);
    for (unsigned bit = prefix; bit < 128; ++bit) {
        neighbour[bit / 8] = static_cast<char>(neighbour[bit / 8] ^ (0x80 >> bit % 8));
    }
    const std::string other = identify(KeyKind::binary_address, neighbour, prefix);
    const bool mapped = binary.size() == 5 || other.size() == 5;
    require(mapped || other == binary, "the same in the same network");
}

void check_redis_key(std::string_view prefix, std::string_view zone, std::string_view who) {
    const base::SipKey secret = identity_key("secret", zone, "$key");
    const std::string key = redis_key(prefix, zone, Algorithm::gcra, base::siphash128(secret, who));
    require(key.size() == prefix.size() + zone.size() + 3 + 32, "a key of bounded length");
    const std::string_view digits = std::string_view(key).substr(key.size() - 32);
    require(digits.find_first_not_of("0123456789abcdef") == digits.npos, "a hash in hexadecimal");
    require(key.find_first_of("{}") == key.npos, "no slot of a choice");
    require(key == redis_key(prefix, zone, Algorithm::gcra, base::siphash128(secret, who)),
            "the same for the same identity");
    std::string other(who);
    other += '\0';
    require(key != redis_key(prefix, zone, Algorithm::gcra, base::siphash128(secret, other)),
            "another for another identity");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input = text_of(data, size);
    const std::string_view digits = take_line(input);
    unsigned length = 64;
    std::from_chars(digits.data(), digits.data() + digits.size(), length);
    const std::string_view prefix = take_line(input), zone = take_line(input), value = input;

    require(identify(KeyKind::text, value, length) == value, "a text is what it is");
    for (const KeyKind kind : {KeyKind::binary_address, KeyKind::address}) {
        const std::string who = identify(kind, value, length);
        require(who == value || who.size() == 5 || who.size() == 17, "an address or the value");
        check_redis_key(prefix, zone, who);
    }
    if ((value.size() == 4 || value.size() == 16) && !value.starts_with("unix:")) {
        check_address(value, length);
    }
    return 0;
}
