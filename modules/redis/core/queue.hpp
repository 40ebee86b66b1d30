#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "redis/core/command.hpp"
#include "redis/core/script.hpp"
#include "redis/core/waiter.hpp"

namespace gatehouse::redis {

// Milliseconds of a monotonic clock that may wrap.
using Milliseconds = std::uint64_t;

// A command that has to be sent, or whose reply is to come. It outlives its waiter.
struct Call {
    Call() = default;
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { detach(); }

    // What goes over the wire.
    std::string_view text() const noexcept { return eval.empty() ? command->view() : eval; }

    void attach(Waiter* wanted) noexcept;
    Waiter* detach() noexcept;  // null: nobody waits any more

    std::optional<Command> command;
    std::string eval;                // in place of `command`, once a server did not know the script
    const Script* script = nullptr;  // null: a command of the client's own
    Milliseconds deadline = 0;
    std::uint8_t redirects = 0;  // how often MOVED and ASK were followed
    bool probe = false;          // whether a breaker waits for what comes of it

  private:
    friend class Waiter;
    friend class Queue;
    friend class CallPool;
    Call* next_ = nullptr;
    Waiter* waiter_ = nullptr;
};

// Calls that are done with, to be used again: no allocation per call but that of its command.
class CallPool {
  public:
    CallPool() = default;
    CallPool(const CallPool&) = delete;
    CallPool& operator=(const CallPool&) = delete;
    ~CallPool();

    // Who owns a call; without being answered or failed it goes back, and its waiter, if any, waits
    // no more.
    struct Put {
        CallPool* pool = nullptr;
        void operator()(Call* call) const noexcept { pool->put(call); }
    };
    using Handle = std::unique_ptr<Call, Put>;
    Handle take();  // throws std::bad_alloc

    // At most so many wait to be used again, and so many do.
    static constexpr std::size_t kKept = 1024;
    std::size_t idle() const noexcept { return kept_; }

  private:
    void put(Call* call) noexcept;

    Call* free_ = nullptr;
    std::size_t kept_ = 0;
};

// First in, first out: replies come in the order of the commands. Owns its calls. A waiter may be
// destroyed, and any other call be appended, at any moment.
class Queue {
  public:
    explicit Queue(CallPool& pool) noexcept : pool_(&pool) {}
    Queue(Queue&& other) noexcept;  // leaves `other` empty
    Queue& operator=(Queue&&) = delete;
    ~Queue();  // waiters are not called

    bool empty() const noexcept { return head_ == nullptr; }
    std::size_t size() const noexcept { return size_; }
    const Call* front() const noexcept { return head_; }
    void push(CallPool::Handle call) noexcept;
    CallPool::Handle pop() noexcept;  // requires !empty()

    template <class Visitor>
    void for_each(Visitor visit) const {
        for (const Call* call = head_; call != nullptr; call = call->next_) {
            visit(*call);
        }
    }

    // Tells every waiter and empties the queue. Calls that are made meanwhile must go elsewhere:
    // move the queue away first.
    void fail(Failure first, Failure others) noexcept;

  private:
    CallPool* pool_;
    Call* head_ = nullptr;
    Call* tail_ = nullptr;
    std::size_t size_ = 0;
};

// Gives `call` back to its pool, then tells its waiter, if there is one still.
void answer(CallPool::Handle call, const Reply& reply) noexcept;
void fail(CallPool::Handle call, Failure failure) noexcept;

}  // namespace gatehouse::redis
