#include "redis/connection.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace gatehouse::redis {
namespace {

constexpr std::size_t kReadSize = 16384;
constexpr int kReadsPerTurn = 4;  // a flood of replies must not stop the worker
constexpr ngx_msec_t kPing = 5000;
constexpr std::size_t kOutputKept = 1 << 18;

}  // namespace

Connection::Connection(Owner& owner, CallPool& pool, TimeLimits limits, ngx_log_t* log)
    : owner_(owner),
      pool_(pool),
      limits_(limits),
      peer_(*this, log),
      queue_(pool),
      flush_(*this, ngx::calls<&Connection::flush>, log),
      connect_timer_(*this, ngx::calls<&Connection::connect_expired>, log, ngx::AtExit::drop),
      head_timer_(*this, ngx::calls<&Connection::head_expired>, log, ngx::AtExit::drop),
      ping_timer_(*this, ngx::calls<&Connection::ping>, log, ngx::AtExit::drop) {}

bool Connection::connect(const ngx::Address& address, const ngx::TlsPeer* tls,
                         const HandshakeOptions& handshake) {
    reader_ = Reader();
    handshake_.emplace(handshake);
    if (!peer_.connect(address, tls)) {
        handshake_.reset();
        return false;
    }
    state_ = State::opening;
    connect_timer_.start(limits_.connect);
    return true;
}

void Connection::submit(CallPool::Handle& call) {
    write(call->text(), {});
    queue_.push(std::move(call));
    watch_head();
}

void Connection::submit(CallPool::Handle& first, CallPool::Handle& call) {
    write(first->text(), call->text());
    queue_.push(std::move(first));
    queue_.push(std::move(call));
    watch_head();
}

void Connection::write(std::string_view first, std::string_view second) {
    if (!ready()) {
        return;  // begin() sends what is in the queue
    }
    const std::size_t size = output_.size() + first.size() + second.size();
    if (size > output_.capacity()) {
        output_.reserve(std::max(size, 2 * output_.capacity()));
    }
    output_.append(first).append(second);
    flush_.post();
}

// Requires calls. Armed once for many: when it fires too early, it is set again.
void Connection::watch_head() noexcept {
    head_timer_.set(ngx::AtExit::wait);
    if (head_timer_.running()) {
        return;
    }
    const auto left = static_cast<ngx_msec_int_t>(queue_.front()->deadline - ngx_current_msec);
    head_timer_.start(left > 0 ? static_cast<ngx_msec_t>(left) : 0);
}

void Connection::head_expired() {
    if (peer_.pending()) {
        readable();  // perhaps this worker was late, not the server
    }
    if (queue_.empty()) {
        return;
    }
    if (static_cast<ngx_msec_int_t>(queue_.front()->deadline - ngx_current_msec) > 0) {
        watch_head();
        return;
    }
    end(Failure::timeout, Failure::lost, "no answer in time");
}

void Connection::connect_expired() {
    end(Failure::down, Failure::down,
        state_ == State::opening ? "connecting took too long"
                                 : "no answer to the handshake in time");
}

// What the event loop calls ends the connection when there is no memory: its bytes would be out of
// step with its calls.
template <class Function>
void Connection::guarded(Function function) noexcept {
    try {
        function();
    } catch (const std::bad_alloc&) {
        end(Failure::lost, Failure::lost, "out of memory");
    }
}

void Connection::opened() {
    guarded([this] {
        if (handshake_->done()) {
            begin();
            return;
        }
        state_ = State::handshaking;
        send();
    });
}

void Connection::unopened() { end(Failure::down, Failure::down, peer_.reason()); }

void Connection::readable() {
    guarded([this] { receive(); });
}

void Connection::writable() {
    guarded([this] { send(); });
}

void Connection::flush() {
    guarded([this] { send(); });
}

void Connection::send() {
    // The password is never copied to output_.
    const bool greeting = state_ == State::handshaking;
    const std::string_view bytes = greeting ? handshake_->bytes() : std::string_view(output_);
    const auto sent = peer_.send(bytes.substr(sent_));
    if (!sent) {
        // What the server said before it went counts: answers, or why it does not want us.
        receive();
        end(Failure::lost, Failure::lost, peer_.reason());
        return;
    }
    sent_ += *sent;
    if (sent_ < bytes.size() || bytes.empty()) {
        return;
    }
    sent_ = 0;
    if (greeting) {
        handshake_->sent();
        return;
    }
    output_.clear();
    if (output_.capacity() > kOutputKept) {
        output_ = std::string();
    }
}

void Connection::receive() {
    std::array<char, kReadSize> buffer;
    for (int i = 0;; ++i) {
        if (i == kReadsPerTurn) {
            peer_.read_later();
            break;
        }
        const auto size = peer_.receive(buffer);
        if (!size) {
            end(Failure::lost, Failure::lost, peer_.reason());
            return;
        }
        if (*size == 0) {
            break;
        }
        reader_.feed(std::span(buffer).first(*size));
        while (const Reply* reply = reader_.next()) {
            take(*reply);
            if (closed()) {
                return;
            }
        }
        if (reader_.broken()) {
            end(Failure::protocol, Failure::lost, "what it sent is no reply");
            return;
        }
    }
    if (queue_.empty()) {
        head_timer_.set(ngx::AtExit::drop);
    }
}

void Connection::take(const Reply& reply) {
    if (handshake_) {
        take_handshake(reply);
        return;
    }
    if (queue_.empty()) {
        end(Failure::protocol, Failure::protocol, "it sent a reply that nobody had asked for");
        return;
    }
    CallPool::Handle call = queue_.pop();
    if (reply.is(Type::error)) {
        owner_.refused(std::move(call), reply.text);
        return;
    }
    if (call->probe) {
        owner_.probe_answered();
    }
    answer(std::move(call), reply);
}

void Connection::take_handshake(const Reply& reply) {
    if (handshake_->answer(reply) != Failure::none) {
        end(Failure::down, Failure::down, handshake_->problem());
    } else if (handshake_->done()) {
        begin();
    }
}

void Connection::begin() {
    // Whoever called meanwhile goes first.
    queue_.for_each([this](const Call& call) { output_ += call.text(); });
    sent_ = 0;
    state_ = State::ready;
    connect_timer_.stop();
    ping_timer_.start(kPing);
    owner_.ready(handshake_->problem());
    handshake_.reset();
    send();
}

void Connection::ping() {
    ping_timer_.start(kPing);
    if (!queue_.empty()) {
        return;  // an answer is due anyway
    }
    guarded([this] {
        CallPool::Handle call = pool_.take();
        call->command = Command{"PING"};
        call->deadline = deadline();
        submit(call);
    });
}

void Connection::give_up(Failure failure, std::string_view reason) noexcept {
    end(failure, Failure::lost, reason);
}

void Connection::end(Failure first, Failure others, std::string_view reason) noexcept {
    if (closed()) {
        return;
    }
    const bool was_ready = ready();
    state_ = State::closed;
    peer_.close();
    flush_.cancel();
    connect_timer_.stop();
    head_timer_.stop();
    ping_timer_.stop();
    output_.clear();
    sent_ = 0;
    Queue waiting(std::move(queue_));
    owner_.ended(was_ready ? first : Failure::down, reason, was_ready);
    handshake_.reset();  // only now: it may be the one who gave the reason
    if (was_ready) {
        waiting.fail(first, others);
    } else {
        waiting.fail(Failure::down, Failure::down);  // nothing was sent
    }
}

}  // namespace gatehouse::redis
