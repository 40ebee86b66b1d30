#include "redis/core/reply.hpp"

#include <hiredis/read.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory_resource>
#include <new>
#include <string_view>
#include <system_error>

namespace gatehouse::redis {

struct Reader::State {
    explicit State(ReplyLimits wanted);

    // Octets of the reply at hand: those that the codec has consumed, and all that are here.
    std::size_t consumed() const noexcept { return received - (codec->len - codec->pos); }
    const Reply* give_up() noexcept {
        broken = true;
        return nullptr;
    }

    struct Free {
        void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
    };

    const ReplyLimits limits;
    std::unique_ptr<redisReader, Free> codec;
    std::size_t received = 0;  // since the reply at hand began
    std::size_t elements = 0;  // that arrays of the reply at hand have announced
    bool finished = false;     // the reply at hand has been given
    bool out_of_memory = false;
    bool broken = false;

    // Replies live here until the next one begins. Those of scripts fit in without an allocation.
    alignas(std::max_align_t) std::array<std::byte, 4096> first;
    std::pmr::monotonic_buffer_resource arena{first.data(), first.size()};
};

namespace {

// What the codec calls while it reads. A null pointer ends the reading as an error.
template <class State>
struct Builder {
    static State& state(const redisReadTask* task) noexcept {
        return *static_cast<State*>(task->privdata);
    }

    template <class T>
    static T* allocate(State& state, std::size_t count) noexcept {
        try {
            return static_cast<T*>(state.arena.allocate(count * sizeof(T), alignof(T)));
        } catch (const std::bad_alloc&) {
            state.out_of_memory = true;
            return nullptr;
        }
    }

    // Where the reply of this task belongs: its array has made the room already.
    static Reply* place(const redisReadTask* task) noexcept {
        if (task->parent == nullptr) {
            Reply* root = allocate<Reply>(state(task), 1);
            return root == nullptr ? nullptr : new (root) Reply{};
        }
        const auto* array = static_cast<const Reply*>(task->parent->obj);
        // The elements are const to readers only.
        return const_cast<Reply*>(&array->elements[static_cast<std::size_t>(task->idx)]);
    }

    static void* string(const redisReadTask* task, char* text, std::size_t size) noexcept {
        Reply* reply = place(task);
        // A copy: the codec's buffer moves when more arrives.
        char* copy = allocate<char>(state(task), std::max<std::size_t>(size, 1));
        if (reply == nullptr || copy == nullptr) {
            return nullptr;
        }
        switch (task->type) {
        case REDIS_REPLY_STATUS:
            reply->type = Type::status;
            break;
        case REDIS_REPLY_ERROR:
            reply->type = Type::error;
            break;
        case REDIS_REPLY_STRING:
            reply->type = Type::string;
            break;
        default:
            return nullptr;  // RESP3
        }
        std::memcpy(copy, text, size);
        reply->text = {copy, size};
        return reply;
    }

    // hiredis 0.14 counts in int, later ones in std::size_t; none is negative here.
    template <class Count>
    static void* array(const redisReadTask* task, Count announced) noexcept {
        const auto count = static_cast<std::size_t>(announced);
        State& all = state(task);
        std::size_t depth = 1;
        for (const redisReadTask* outer = task->parent; outer != nullptr; outer = outer->parent) {
            ++depth;
        }
        if (task->type != REDIS_REPLY_ARRAY || depth > all.limits.depth ||
            count > all.limits.elements - all.elements) {
            return nullptr;
        }
        all.elements += count;
        Reply* reply = place(task);
        Reply* elements = allocate<Reply>(all, count);
        if (reply == nullptr || elements == nullptr) {
            return nullptr;
        }
        std::uninitialized_value_construct_n(elements, count);
        reply->type = Type::array;
        reply->elements = {elements, count};
        return reply;
    }

    static void* integer(const redisReadTask* task, long long value) noexcept {
        Reply* reply = place(task);
        if (reply != nullptr) {
            reply->type = Type::integer;
            reply->integer = value;
        }
        return reply;
    }

    static void* nil(const redisReadTask* task) noexcept {
        // RESP2 has no null of its own, but strings and arrays of length -1.
        return task->type == REDIS_REPLY_NIL ? nullptr : place(task);
    }

    template <class... Rest>
    static void* refused(const redisReadTask*, Rest...) noexcept {
        return nullptr;
    }

    template <class Functions>
    static Functions functions() noexcept {
        Functions all{};
        all.createString = string;
        all.createArray = array;
        all.createInteger = integer;
        all.createNil = nil;
        all.freeObject = [](void*) {};
        // Without these, hiredis 1.0 and later would make up objects of the RESP3 types.
        if constexpr (requires { all.createDouble; }) {
            all.createDouble = refused;
            all.createBool = refused;
        }
        return all;
    }
};

// The task that waits for more octets; null between replies.
template <class Codec>
const redisReadTask* current_task(const Codec& codec) noexcept {
    if (codec.ridx < 0) {
        return nullptr;
    }
    if constexpr (requires { codec.rstack; }) {
        return &codec.rstack[codec.ridx];
    } else {
        return codec.task[codec.ridx];  // hiredis 1.0
    }
}

// Whether the string that is being received has announced more than `limit` octets: there is no
// use in waiting for the limit to be reached.
bool announces_more(const redisReader& codec, std::size_t limit) noexcept {
    const redisReadTask* task = current_task(codec);
    if (task == nullptr || task->type != REDIS_REPLY_STRING) {
        return false;
    }
    long long length = 0;
    const auto parsed = std::from_chars(codec.buf + codec.pos, codec.buf + codec.len, length);
    return parsed.ec == std::errc::result_out_of_range ||
           (length > 0 && static_cast<unsigned long long>(length) > limit);
}

}  // namespace

Reader::State::State(ReplyLimits wanted) : limits(wanted) {
    static auto functions = Builder<State>::functions<redisReplyObjectFunctions>();
    codec.reset(redisReaderCreateWithFunctions(&functions));
    if (codec == nullptr) {
        throw std::bad_alloc();
    }
    codec->privdata = this;
    // Never shrink the buffer: the limits bound it, and 0.14 asserts that the smaller one is there.
    codec->maxbuf = 0;
}

Reader::Reader(ReplyLimits limits) : state_(std::make_unique<State>(limits)) {}
Reader::Reader(Reader&& other) noexcept = default;
Reader& Reader::operator=(Reader&& other) noexcept = default;
Reader::~Reader() = default;

bool Reader::broken() const noexcept { return state_->broken; }

void Reader::feed(std::span<const char> octets) {
    if (state_->broken || octets.empty()) {
        return;
    }
    if (redisReaderFeed(state_->codec.get(), octets.data(), octets.size()) != REDIS_OK) {
        state_->broken = true;
        throw std::bad_alloc();
    }
    state_->received += octets.size();
}

const Reply* Reader::next() {
    State& state = *state_;
    if (state.broken) {
        return nullptr;
    }
    if (state.finished) {
        state.received -= state.consumed();
        state.elements = 0;
        state.finished = false;
        state.arena.release();
    }
    void* reply = nullptr;
    if (redisReaderGetReply(state.codec.get(), &reply) != REDIS_OK) {
        state.broken = true;
        if (state.out_of_memory) {
            throw std::bad_alloc();
        }
        return nullptr;
    }
    state.finished = reply != nullptr;
    if ((state.finished ? state.consumed() : state.received) > state.limits.bytes ||
        (!state.finished && announces_more(*state.codec, state.limits.bytes))) {
        return state.give_up();
    }
    return static_cast<const Reply*>(reply);
}

}  // namespace gatehouse::redis
