// Any text. What must hold: it is accepted, and means the same, exactly when jansson alone accepts
// it; and limits only ever refuse more.

#include "jwt/core/json.hpp"
#include "property.hpp"

using namespace gatehouse::jwt;
using namespace gatehouse::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = text_of(data, size);
    const auto ours = parse_json(text, {2000, JsonLimits::kUnlimited});
    if (text.find('\0') != std::string_view::npos) {
        require(!ours, "a NUL octet, which jansson skips, is refused");
        return 0;
    }
    json_error_t error;
    const Json theirs(
        json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error));
    require(ours.has_value() == static_cast<bool>(theirs), "jansson agrees whether it is JSON");
    require(!ours || json_equal(ours->get(), theirs.get()) == 1, "and on what it says");
    const auto limited = parse_json(text, {4, 16});
    require(!limited || (ours && equal(limited->get(), ours->get())), "limits change no value");
    return 0;
}
