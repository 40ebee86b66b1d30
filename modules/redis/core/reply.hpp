#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace gatehouse::redis {

enum class Type : std::uint8_t { nil, status, error, integer, string, array };

// A reply (RESP2, redis.io/docs/reference/protocol-spec), valid until the reader that gave it is
// asked for the next.
struct Reply {
    Type type = Type::nil;
    std::int64_t integer = 0;
    std::string_view text;            // status, error, string
    std::span<const Reply> elements;  // array

    bool is(Type wanted) const noexcept { return type == wanted; }
};

struct ReplyLimits {
    std::size_t bytes = 1 << 20;     // of one reply as it is on the wire
    std::size_t elements = 1 << 16;  // in all arrays of one reply
    std::size_t depth = 6;
};

// hiredis' redisReader behind caps of our own: what a peer sends can be split at any octet, and
// costs no more memory than the limits allow (plus what is fed at once). RESP3 is refused: nobody
// has asked for it.
class Reader {
  public:
    explicit Reader(ReplyLimits limits = {});  // throws std::bad_alloc
    Reader(Reader&& other) noexcept;
    Reader& operator=(Reader&& other) noexcept;
    ~Reader();

    // Null: a whole reply is not there yet. After a protocol error, a reply beyond the limits or
    // std::bad_alloc broken() is true for ever, and nothing comes any more. To be called until it
    // returns null before more is fed: only then are the limits checked.
    void feed(std::span<const char> octets);  // throws std::bad_alloc
    const Reply* next();                      // throws std::bad_alloc
    bool broken() const noexcept;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace gatehouse::redis
