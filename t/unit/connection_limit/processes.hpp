#pragma once

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>

#include "cmocka.hpp"

namespace gatehouse::test {

// The lock of nginx's shared zones in small: it knows who holds it, and whoever waits for that
// process's end opens it, as ngx_shmtx_force_unlock() does.
class PidLock {
  public:
    void lock() noexcept {
        const pid_t mine = getpid();
        for (pid_t nobody = 0; !holder_.compare_exchange_weak(nobody, mine); nobody = 0) {
            sched_yield();
        }
    }
    void unlock() noexcept { force_unlock(getpid()); }
    bool force_unlock(pid_t dead) noexcept { return holder_.compare_exchange_strong(dead, 0); }

  private:
    std::atomic<pid_t> holder_ = 0;
};

// A child that runs `before` as ever, then `body` one instruction at a time, and then stops.
class SteppedChild {
  public:
    template <class F, class G>
    SteppedChild(F&& before, G&& body) : pid_(fork()) {
        assert_true(pid_ >= 0);
        if (pid_ == 0) {
            ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            before();
            raise(SIGSTOP);
            body();
            raise(SIGSTOP);
            _exit(0);
        }
        wait();
        assert_true(stopped_);
    }
    ~SteppedChild() { kill(); }
    SteppedChild(const SteppedChild&) = delete;
    SteppedChild& operator=(const SteppedChild&) = delete;

    pid_t pid() const { return pid_; }

    // False if it has come to its end.
    bool step() {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr), 0);
        return wait() == SIGTRAP;
    }

    void kill() {
        if (stopped_) {
            ::kill(pid_, SIGKILL);
            wait();
            assert_false(stopped_);
        }
    }

  private:
    // The signal that has stopped it.
    int wait() {
        int status = 0;
        assert_int_equal(waitpid(pid_, &status, 0), pid_);
        stopped_ = WIFSTOPPED(status);
        return stopped_ ? WSTOPSIG(status) : 0;
    }

    pid_t pid_;
    bool stopped_ = false;
};

}  // namespace gatehouse::test
