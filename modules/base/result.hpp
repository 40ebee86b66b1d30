#pragma once

#include <cassert>
#include <optional>
#include <utility>

namespace gatehouse::base {

// Either a value or the reason why there is none. Every core has one `enum class` of reasons, whose
// zero value is not a reason. Cores return this instead of throwing, so that a decision about
// untrusted bytes is an ordinary value. (std::expected is not in g++ 12.)
template <class T, class E>
class [[nodiscard]] Result {
  public:
    Result(T value) : value_(std::move(value)) {}
    Result(E error) : error_(std::move(error)) {}

    bool ok() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return ok(); }

    // Requires !ok().
    const E& error() const noexcept {
        assert(!ok());
        return error_;
    }

    // All of these require ok().
    T& operator*() noexcept { return *operator->(); }
    const T& operator*() const noexcept { return *operator->(); }
    T* operator->() noexcept {
        assert(ok());
        return &*value_;
    }
    const T* operator->() const noexcept {
        assert(ok());
        return &*value_;
    }

  private:
    std::optional<T> value_;
    E error_{};
};

}  // namespace gatehouse::base
