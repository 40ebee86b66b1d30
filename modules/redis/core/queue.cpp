#include "redis/core/queue.hpp"

#include <cassert>
#include <utility>

namespace gatehouse::redis {

void Waiter::forget() noexcept {
    if (call_ != nullptr) {
        call_->detach();
    }
}

void Call::attach(Waiter* wanted) noexcept {
    assert(waiter_ == nullptr);
    if (wanted != nullptr) {
        assert(!wanted->waiting());
        wanted->call_ = this;
        waiter_ = wanted;
    }
}

Waiter* Call::detach() noexcept {
    Waiter* const waiter = std::exchange(waiter_, nullptr);
    if (waiter != nullptr) {
        waiter->call_ = nullptr;
    }
    return waiter;
}

CallPool::~CallPool() {
    while (free_ != nullptr) {
        delete std::exchange(free_, free_->next_);
    }
}

CallPool::Handle CallPool::take() {
    if (free_ == nullptr) {
        return {new Call, Put{this}};
    }
    --kept_;
    Call* const call = std::exchange(free_, free_->next_);
    call->next_ = nullptr;
    return {call, Put{this}};
}

void CallPool::put(Call* call) noexcept {
    call->detach();
    if (kept_ == kKept) {
        delete call;
        return;
    }
    call->command.reset();
    call->eval = std::string();
    call->script = nullptr;
    call->redirects = 0;
    call->probe = false;
    call->next_ = std::exchange(free_, call);
    ++kept_;
}

Queue::Queue(Queue&& other) noexcept
    : pool_(other.pool_),
      head_(std::exchange(other.head_, nullptr)),
      tail_(std::exchange(other.tail_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Queue::~Queue() {
    while (!empty()) {
        pop().reset();
    }
}

void Queue::push(CallPool::Handle call) noexcept {
    assert(call && call.get_deleter().pool == pool_);
    Call* const last = call.release();
    last->next_ = nullptr;
    (tail_ != nullptr ? tail_->next_ : head_) = last;
    tail_ = last;
    ++size_;
}

CallPool::Handle Queue::pop() noexcept {
    assert(!empty());
    Call* const first = std::exchange(head_, head_->next_);
    if (head_ == nullptr) {
        tail_ = nullptr;
    }
    --size_;
    return {first, CallPool::Put{pool_}};
}

void Queue::fail(Failure first, Failure others) noexcept {
    Failure failure = first;
    while (!empty()) {
        redis::fail(pop(), failure);
        failure = others;
    }
}

void answer(CallPool::Handle call, const Reply& reply) noexcept {
    Waiter* const waiter = call->detach();
    call.reset();
    if (waiter != nullptr) {
        waiter->answered(reply);
    }
}

void fail(CallPool::Handle call, Failure failure) noexcept {
    Waiter* const waiter = call->detach();
    call.reset();
    if (waiter != nullptr) {
        waiter->failed(failure);
    }
}

}  // namespace gatehouse::redis
