#pragma once

#include <setjmp.h>

#include <atomic>
#include <chrono>
#include <csignal>

namespace gatehouse::waf {

// A bound of the processor time that the thread spends on a piece of work: a timer of the thread's
// own clock, whose signal is SIGVTALRM. Of one thread of a process, and one at a time.
class Deadline {
  public:
    using Microseconds = std::chrono::microseconds;
    using OnExpiry = void (*)(void* context);

    // From here to its end the object takes time off `left`. When nothing is left, and again every
    // few milliseconds, `on_expiry` is called by the signal handler: it may set members, no more.
    // Without a timer (the system has none to give) time is over at once.
    Deadline(Microseconds& left, OnExpiry on_expiry, void* context) noexcept;
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    static bool running() noexcept { return running_ != nullptr; }
    static bool over() noexcept { return over_ != 0; }

    // Calls `work`, and leaves it as soon as time is over; false: it has not come to its end, and
    // what it has written is worth nothing. It must hold nothing (memory, locks, objects with a
    // destructor) and call nobody who does: the signal handler jumps out of it.
    template <class F>
    static bool leave_when_over(F&& work) noexcept {
        if (over() || sigsetjmp(way_out_, 0) != 0) {
            return false;
        }
        may_leave_ = 1;
        std::atomic_signal_fence(std::memory_order_seq_cst);
        work();
        std::atomic_signal_fence(std::memory_order_seq_cst);
        may_leave_ = 0;
        return true;
    }

  private:
    static void on_signal(int, siginfo_t*, void* context) noexcept;
    static bool prepare() noexcept;

    Microseconds& left_;
    const OnExpiry on_expiry_;
    void* const context_;

    static Deadline* volatile running_;
    static volatile std::sig_atomic_t over_;
    static volatile std::sig_atomic_t may_leave_;
    static sigjmp_buf way_out_;
};

}  // namespace gatehouse::waf
