#pragma once

#include <cstdint>

#include "ngx/guard.hpp"

namespace gatehouse::ngx {

// Names a member function `void T::f()` that the event loop shall call.
template <auto Method>
struct Calls {};
template <auto Method>
inline constexpr Calls<Method> calls{};

// An event that belongs to no connection. It is a member of the object that it calls, which may be
// destroyed inside the call.
class Event {
  public:
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

  protected:
    template <class T, auto Method>
    Event(T& object, Calls<Method>, ngx_log_t* log) noexcept : target_{&object} {
        event_.data = &target_;
        event_.handler = guard<OnThrow::nothing, run<T, Method>>;
        event_.log = log;
    }
    ~Event() = default;

    ngx_event_t event_{};

  private:
    // nginx's debug log takes what an event points to for a connection and prints its descriptor.
    struct Target {
        void* object;
        void* unused[2] = {};
        ngx_socket_t fd = -1;
    };

    template <class T, auto Method>
    static void run(ngx_event_t* event) {
        (static_cast<T*>(static_cast<Target*>(event->data)->object)->*Method)();
    }

    Target target_;
};

// Whether a worker that is shutting down waits for a timer or exits without it.
enum class AtExit : std::uint8_t { wait, drop };

class Timer : public Event {
  public:
    template <class T, auto Method>
    Timer(T& object, Calls<Method> method, ngx_log_t* log, AtExit at_exit) noexcept
        : Event(object, method, log) {
        set(at_exit);
    }
    ~Timer() { stop(); }

    // To the millisecond: nginx alone would keep an earlier setting that is near enough.
    void start(ngx_msec_t delay) noexcept {
        stop();
        ngx_add_timer(&event_, delay);
    }
    void stop() noexcept {
        if (event_.timer_set) {
            ngx_del_timer(&event_);
        }
    }
    bool running() const noexcept { return event_.timer_set != 0; }

    // May change while it runs.
    void set(AtExit at_exit) noexcept { event_.cancelable = at_exit == AtExit::drop ? 1 : 0; }
};

// Called once, at the end of the turn of the event loop in which it was posted.
class Posted : public Event {
  public:
    template <class T, auto Method>
    Posted(T& object, Calls<Method> method, ngx_log_t* log) noexcept : Event(object, method, log) {}
    ~Posted() { cancel(); }

    void post() noexcept { ngx_post_event(&event_, &ngx_posted_events); }
    void cancel() noexcept {
        if (event_.posted) {
            ngx_delete_posted_event(&event_);
        }
    }
};

}  // namespace gatehouse::ngx
