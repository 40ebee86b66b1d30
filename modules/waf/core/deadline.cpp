#include "waf/core/deadline.hpp"

#include <pthread.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>

namespace gatehouse::waf {
namespace {

constexpr int kSignal = SIGVTALRM;
constexpr long kNanosecondsAgain = 5'000'000;

timer_t timer;
pid_t timer_owner = 0;  // timers are not inherited by children
sigset_t usual_mask;

// Whether the signal has come on top of another handler, which must be let to its end: a signal
// that is blocked there only would stay blocked.
bool is_nested(const sigset_t& mask) noexcept {
    for (int signal = 1; signal <= SIGRTMAX; ++signal) {
        if (sigismember(&mask, signal) == 1 && sigismember(&usual_mask, signal) == 0) {
            return true;
        }
    }
    return false;
}

timespec spec_of(Deadline::Microseconds time) noexcept {
    constexpr long kMicro = 1'000'000;
    const auto count = static_cast<long>(time.count());
    return {count / kMicro, count % kMicro * 1000};
}

Deadline::Microseconds time_of(const timespec& spec) noexcept {
    return std::chrono::duration_cast<Deadline::Microseconds>(
        std::chrono::seconds(spec.tv_sec) + std::chrono::nanoseconds(spec.tv_nsec));
}

}  // namespace

Deadline* volatile Deadline::running_ = nullptr;
volatile std::sig_atomic_t Deadline::over_ = 0;
volatile std::sig_atomic_t Deadline::may_leave_ = 0;
sigjmp_buf Deadline::way_out_;

// The timer is this process's own, and so is the handler: a program that has none yet is about to
// get its first bound.
bool Deadline::prepare() noexcept {
    const pid_t self = getpid();
    if (timer_owner == self) {
        return true;
    }
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER;
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;  // other threads may not block the signal
    event._sigev_un._tid = gettid();
    event.sigev_signo = kSignal;
    if (sigaction(kSignal, &action, nullptr) != 0 ||
        pthread_sigmask(SIG_BLOCK, nullptr, &usual_mask) != 0 ||
        timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) {
        return false;
    }
    timer_owner = self;
    return true;
}

Deadline::Deadline(Microseconds& left, OnExpiry on_expiry, void* context) noexcept
    : left_(left), on_expiry_(on_expiry), context_(context) {
    over_ = 0;
    running_ = this;
    itimerspec wanted{};
    wanted.it_value = spec_of(std::max(left_, Microseconds{0}));
    wanted.it_interval.tv_nsec = kNanosecondsAgain;
    const bool has_time = left_ > Microseconds{0};
    if (!has_time || !prepare() || timer_settime(timer, 0, &wanted, nullptr) != 0) {
        over_ = 1;
        on_expiry_(context_);
    }
}

Deadline::~Deadline() {
    running_ = nullptr;
    itimerspec rest{};
    const itimerspec none{};
    if (timer_owner != 0) {
        timer_settime(timer, 0, &none, &rest);
    }
    left_ = over_ != 0 ? Microseconds{0} : time_of(rest.it_value);
    over_ = 0;
}

// It may come once more when its time is over.
void Deadline::on_signal(int, siginfo_t*, void* context) noexcept {
    Deadline* const deadline = running_;
    if (deadline == nullptr) {
        return;
    }
    over_ = 1;
    deadline->on_expiry_(deadline->context_);
    if (may_leave_ != 0 && !is_nested(static_cast<const ucontext_t*>(context)->uc_sigmask)) {
        may_leave_ = 0;
        siglongjmp(way_out_, 1);
    }
}

}  // namespace gatehouse::waf
