// Replies of a cluster's nodes and of sentinels, and error texts. What must hold: what is accepted
// can be connected to, what is logged can be printed, and a slot belongs to nobody or to a node
// that there is.

#include <algorithm>

#include "property.hpp"
#include "redis/core/error_reply.hpp"
#include "redis/core/handshake.hpp"
#include "redis/core/sentinel.hpp"
#include "redis/core/slots.hpp"

using namespace gatehouse::redis;
using namespace gatehouse::fuzz;

namespace {

constexpr std::string_view kAsked = "192.0.2.1";

void check_error(std::string_view text) {
    const ErrorReply error = classify(text);
    const bool redirects =
        error.error_class == ErrorClass::moved || error.error_class == ErrorClass::ask;
    require(redirects == error.redirect.has_value(), "MOVED and ASK say where to");
    if (redirects) {
        require(error.redirect->slot < kSlots, "for a slot that there is");
        require(error.redirect->host.empty() || valid_host(error.redirect->host), "at a host");
        require(error.redirect->port != 0, "and a port");
    }
    const std::string logged = loggable(text);
    require(logged.size() <= 64, "little is logged");
    require(std::all_of(logged.begin(), logged.end(),
                        [](char c) { return c >= ' ' && c <= '~' && c != '\'' && c != '"'; }),
            "and nothing that a terminal would act upon, or that is quoted");
}

void check_slots(const Reply& reply) {
    auto map = SlotMap::parse(reply, kAsked);
    if (!map) {
        return;
    }
    const auto nodes = map->nodes();
    require(nodes.size() <= kMaxNodes, "nodes are bounded");
    for (const Address& node : nodes) {
        require(valid_host(node.host) && node.port != 0, "nodes have addresses");
        require(std::count(nodes.begin(), nodes.end(), node) == 1, "of their own");
    }
    for (std::uint16_t slot = 0; slot < kSlots; ++slot) {
        const auto node = map->node_of(slot);
        require(!node || *node < nodes.size(), "a slot belongs to nobody or to a node");
    }
    const auto moved = map->assign(1, {"moved.example.org", 1});
    require(!moved || map->node_of(1) == moved, "a slot that has moved is there");
}

void check(const Reply& reply) {
    if (reply.is(Type::error)) {
        check_error(reply.text);
    }
    check_slots(reply);
    (void)parse_role(reply);
    const auto master = parse_master_address(reply);
    require(!master || (valid_host(master->host) && master->port != 0), "a master has an address");

    Handshake handshake({.password = "p", .role = Role::master});
    while (!handshake.done() && handshake.answer(reply) == Failure::none) {
    }
    require(handshake.problem().size() < 128, "a problem is a few words");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = text_of(data, size);
    check_error(text);
    require(key_slot(text) < kSlots, "every key has a slot");
    Reader reader;
    reader.feed(text);
    while (const Reply* reply = reader.next()) {
        check(*reply);
    }
    return 0;
}
