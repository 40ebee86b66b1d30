#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rate_limit/core/policy.hpp"
#include "redis/core/reply.hpp"

namespace gatehouse::rate_limit {

// The Lua scripts. Redis' TIME is their only clock; every key they write has a time to live. State
// of a key that was written by another policy of the same algorithm is carried over. After a step
// back of the clock nobody is locked out for longer than a burst takes (gcra) or a period
// (sliding_window).
//
// charge: checks any number of keys and charges all of them, or none if one refuses.
// refund: takes back what one charge has charged, by the time that charge has returned; answers
// with the number of keys.
//
// For an access control list: +evalsha +eval +script|load, and for what the scripts do +time +get
// +set +llen +lindex +lrange +rpush +lrem +ltrim +pexpire +del, on the keys of the prefix. Nothing
// else is called, and no other key is touched. Redis 6.2 to 8 and Valkey 8.
std::string_view charge_script() noexcept;
std::string_view refund_script() noexcept;

// What one key of a charge asks for.
struct Item {
    const Policy* policy;
    std::uint32_t cost = 1;
    enum class Kind : std::uint8_t {
        whole,   // all of cost, or refuse
        part,    // lease: as many as there are, at least one, at most cost
        forced,  // optimistic: charged whatever the verdict is
    } kind = Kind::whole;
    // Requests that forced charges may go beyond the burst, by all nodes together. The same in all
    // calls about a key, whatever their kind: a debt beyond it is forgotten. 0 and `whole` are what
    // the script is fastest at.
    std::uint32_t debt = 0;
};

// ARGV of a charge of items, in the order of KEYS. Storage for the texts is inside.
class Arguments {
  public:
    void clear() noexcept;
    void add_charge(const Item& item);  // throws std::bad_alloc
    void add_refund(const Item& item, std::uint32_t granted, std::int64_t charged_at);
    std::span<const std::string_view> view();

  private:
    void add(std::int64_t number);
    void add(std::string_view text);
    void add_item(const Item& item, std::uint32_t requests);

    std::string texts_;              // one after the other
    std::vector<std::size_t> ends_;  // of each text
    std::vector<std::string_view> views_;
    std::size_t omissible_ = 0;  // texts at the end, which the script takes for granted
};

// The answer about one key.
struct Charged {
    // Of this key alone, as if it were charged even if another one refused. allowed: for forced,
    // whether it would have been.
    Verdict verdict;
    // What was charged, and may be refunded: cost, what `part` got, as much of a forced cost as the
    // debt had room for, or 0.
    std::uint32_t granted = 0;
};

// The answer to a charge of `items.size()` keys. Nothing if the reply is not one (another script,
// a peer that is not Redis): then nothing of it is believed.
struct ChargeReply {
    bool allowed = false;  // all of them. Refusals of forced items keep no other from its charge
    std::int64_t charged_at = 0;  // microseconds of Redis' clock, for refund
};
std::optional<ChargeReply> read_charge(const redis::Reply& reply, std::span<const Item> items,
                                       std::span<Charged> charged) noexcept;

}  // namespace gatehouse::rate_limit
