#pragma once

#include <cstdint>
#include <new>

namespace gatehouse::waf {

// Notices every failure of operator new while it lives. The library reads through streams, which
// swallow the exception and end early: half of a body or of a word list would be taken for all of
// it.
class AllocationWatch {
  public:
    AllocationWatch() noexcept : before_(failures_) {}
    AllocationWatch(const AllocationWatch&) = delete;
    AllocationWatch& operator=(const AllocationWatch&) = delete;

    bool failed() const noexcept { return failures_ != before_; }

  private:
    // As long as this is loaded: exchanging handlers costs more than many a step.
    class Handler {
      public:
        Handler() noexcept : previous_(std::set_new_handler(note)) {}
        ~Handler() { std::set_new_handler(previous_); }
        Handler(const Handler&) = delete;
        Handler& operator=(const Handler&) = delete;

      private:
        std::new_handler previous_;
    };

    [[noreturn]] static void note() {
        ++failures_;
        throw std::bad_alloc();
    }

    inline static std::uint64_t failures_ = 0;
    static const Handler handler_;
    std::uint64_t before_;
};

inline const AllocationWatch::Handler AllocationWatch::handler_;

}  // namespace gatehouse::waf
