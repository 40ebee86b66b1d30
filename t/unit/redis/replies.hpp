#pragma once

#include <string>
#include <string_view>

#include "redis/core/reply.hpp"

// Replies as texts, for tests of what reads them.

namespace gatehouse::test {

inline std::string bulk(std::string_view text) {
    return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

// `nil`, `+status`, `-error`, `:1`, `"string"`, `[a, b]`.
inline void append_shown(std::string& out, const redis::Reply& reply) {
    switch (reply.type) {
    case redis::Type::nil:
        out += "nil";
        break;
    case redis::Type::status:
        out.append("+").append(reply.text);
        break;
    case redis::Type::error:
        out.append("-").append(reply.text);
        break;
    case redis::Type::integer:
        out.append(":").append(std::to_string(reply.integer));
        break;
    case redis::Type::string:
        out.append("\"").append(reply.text).append("\"");
        break;
    case redis::Type::array:
        out += '[';
        for (std::size_t i = 0; i < reply.elements.size(); ++i) {
            out += i == 0 ? "" : ", ";
            append_shown(out, reply.elements[i]);
        }
        out += ']';
        break;
    }
}

inline std::string show(const redis::Reply& reply) {
    std::string out;
    append_shown(out, reply);
    return out;
}

// One reply, valid as long as this lives. Empty if the text is no reply.
class OneReply {
  public:
    explicit OneReply(std::string_view wire) {
        reader_.feed(wire);
        reply_ = reader_.next();
    }
    explicit operator bool() const { return reply_ != nullptr; }
    const redis::Reply& operator*() const { return *reply_; }

  private:
    redis::Reader reader_;
    const redis::Reply* reply_;
};

}  // namespace gatehouse::test
