#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gatehouse::redis {

// A Lua script and the name that EVALSHA knows it by: the SHA-1 of its text, in hexadecimal.
class Script {
  public:
    explicit Script(std::string_view text);  // text: for good; throws std::bad_alloc
    std::string_view text() const noexcept { return text_; }
    std::string_view sha() const noexcept { return sha_; }

  private:
    std::string_view text_;
    std::string sha_;
};

}  // namespace gatehouse::redis
