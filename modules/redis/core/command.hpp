#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "redis/core/script.hpp"

namespace gatehouse::redis {

// One command as it goes over the wire: an array of bulk strings (RESP2). Binary-safe.
class Command {
  public:
    // At least one word. Throw std::bad_alloc.
    explicit Command(std::span<const std::string_view> words);
    Command(std::initializer_list<std::string_view> words)
        : Command(std::span(words.begin(), words.size())) {}
    static Command evalsha(const Script& script, std::span<const std::string_view> keys,
                           std::span<const std::string_view> arguments);

    std::string_view view() const noexcept { return {bytes_.get(), size_}; }

    // Overwrites what view() shows: for commands that hold a password.
    void cleanse() noexcept;

  private:
    struct Free {
        void operator()(char* bytes) const noexcept;
    };
    std::unique_ptr<char, Free> bytes_;
    std::size_t size_ = 0;
};

// The same call with the script's text in place of its name, for a server that answered NOSCRIPT.
// `evalsha`: the octets of Command::evalsha(script, ...). Throws std::bad_alloc.
std::string as_eval(std::string_view evalsha, const Script& script);

}  // namespace gatehouse::redis
