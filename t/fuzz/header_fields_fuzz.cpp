// RateLimit-Policy and RateLimit. The input is lines: a rate, a burst, what remains, a time until
// the reset, and the rest is a name.
//
// What must hold: what is written reads as an RFC 9651 list of one string with two integers, which
// are the ones that were to be written.

#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "property.hpp"
#include "rate_limit/core/header_fields.hpp"

namespace {

using namespace gatehouse::rate_limit;
using namespace gatehouse::fuzz;

template <class T>
T number(std::string_view text) {
    T value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

struct Field {
    std::string name;
    std::int64_t first = 0, second = 0;
};

// RFC 9651 section 4.2.5, without what is optional.
std::string take_string(std::string_view& text) {
    std::string out;
    require(text.starts_with('"'), "a string begins");
    text.remove_prefix(1);
    while (!text.starts_with('"')) {
        if (text.starts_with('\\')) {
            text.remove_prefix(1);
            require(text.starts_with('\\') || text.starts_with('"'), "an escape of two kinds");
        }
        require(!text.empty() && text[0] >= 0x20 && text[0] <= 0x7e, "printable characters");
        out += text[0];
        text.remove_prefix(1);
    }
    text.remove_prefix(1);
    return out;
}

// RFC 9651 sections 4.2.3.2 and 4.2.4: at most 15 digits.
std::int64_t take_parameter(std::string_view& text, char key) {
    require(text.size() > 3 && text[0] == ';' && text[1] == key && text[2] == '=', "a parameter");
    text.remove_prefix(3);
    const std::string_view digits = text.substr(0, text.find(';'));
    require(digits.size() <= 15 && digits.find_first_not_of("0123456789") == digits.npos,
            "an integer");
    text.remove_prefix(digits.size());
    return number<std::int64_t>(digits);
}

Field read(std::string_view text, char first, char second) {
    Field field;
    field.name = take_string(text);
    field.first = take_parameter(text, first);
    field.second = take_parameter(text, second);
    require(text.empty(), "nothing else");
    return field;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input = text_of(data, size);
    const auto rate = parse_rate(take_line(input));
    const auto burst = number<std::uint32_t>(take_line(input));
    const auto remaining = number<std::uint32_t>(take_line(input));
    const auto reset = number<std::int64_t>(take_line(input));
    const std::string_view name = input;

    std::array<char, kFieldSize> buffer{};
    const std::string_view limit = write_limit(buffer, name, {true, 0, remaining, reset});
    require(limit.empty() == !valid_name(name), "written if the name is valid");
    if (limit.empty()) {
        return 0;
    }
    const Field read_limit = read(limit, 'r', 't');
    require(read_limit.name == name && read_limit.first == remaining, "what remains");
    require(read_limit.second >= reset / 1'000'000, "never earlier than the reset");

    for (const Algorithm algorithm : {Algorithm::gcra, Algorithm::sliding_window}) {
        const auto policy = rate ? Policy::make(algorithm, {&*rate, 1}, burst) : PolicyError::zero;
        if (policy) {
            const Window& window = policy->windows()[0];
            const Field field = read(write_policy(buffer, name, window, algorithm), 'q', 'w');
            require(field.name == name && field.first == window.burst, "the requests");
            require(field.second >= 1 && field.second * 1'000'000 <= policy->memory() + 1'000'000,
                    "the window");
        }
    }
    return 0;
}
