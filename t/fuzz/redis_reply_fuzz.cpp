// A line that says how the rest is cut into pieces, and what a peer sends. What must hold: replies
// do not depend on the pieces, and none is beyond the limits.

#include <string>

#include "property.hpp"
#include "redis/core/reply.hpp"
#include "redis/replies.hpp"

using namespace gatehouse::redis;
using namespace gatehouse::fuzz;

namespace {

constexpr ReplyLimits kLimits{.bytes = 200, .elements = 12, .depth = 3};

struct Size {
    std::size_t octets = 0, elements = 0;
};

Size measure(const Reply& reply, std::size_t depth) {
    Size size{reply.text.size(), reply.elements.size()};
    require(!reply.is(Type::array) || depth < kLimits.depth, "no reply is too deep");
    for (const Reply& element : reply.elements) {
        const Size inner = measure(element, depth + 1);
        size.octets += inner.octets;
        size.elements += inner.elements;
    }
    return size;
}

// All replies, and whether the reader gave up.
std::string read(std::string_view wire, std::string_view cuts) {
    Reader reader(kLimits);
    std::string seen;
    for (std::size_t i = 0; !wire.empty(); ++i) {
        const std::size_t wanted =
            cuts.empty() ? wire.size()
                         : std::size_t{1} + static_cast<unsigned char>(cuts[i % cuts.size()]) % 32;
        const std::string_view piece = wire.substr(0, wanted);
        wire.remove_prefix(piece.size());
        reader.feed(piece);
        while (const Reply* reply = reader.next()) {
            const Size size = measure(*reply, 0);
            require(size.octets <= kLimits.bytes, "no reply is too long");
            require(size.elements <= kLimits.elements, "nor has it too many elements");
            gatehouse::test::append_shown(seen, *reply);
            seen += '\n';
        }
    }
    return seen + (reader.broken() ? "broken" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view wire = text_of(data, size);
    const std::string_view cuts = take_line(wire);
    const std::string whole = read(wire, {});
    require(read(wire, cuts) == whole, "pieces make no difference");
    require(read(wire, std::string_view("\0", 1)) == whole, "nor do single octets");
    return 0;
}
