#pragma once

#include <new>

namespace gatehouse::waf {

// Notices every failure of operator new while it lives. The library reads through streams, which
// swallow the exception and end early: half of a body or of a word list would be taken for all of
// it. One at a time: the handler is that of the process.
class AllocationWatch {
  public:
    AllocationWatch() noexcept : previous_(std::set_new_handler(note)) { failed_ = false; }
    ~AllocationWatch() { std::set_new_handler(previous_); }
    AllocationWatch(const AllocationWatch&) = delete;
    AllocationWatch& operator=(const AllocationWatch&) = delete;

    bool failed() const noexcept { return failed_; }

  private:
    [[noreturn]] static void note() {
        failed_ = true;
        throw std::bad_alloc();
    }

    inline static bool failed_ = false;
    std::new_handler previous_;
};

}  // namespace gatehouse::waf
