#pragma once

#include <sys/types.h>

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redis/core/reply.hpp"

struct redisContext;
struct redisReply;

// A real Redis for tests that are about what a real Redis does.

namespace gatehouse::test {

// redis-server, or what GATEHOUSE_REDIS_SERVER names, on a unix socket in a directory of its own,
// without persistence. Killed when this goes, or when the test program does.
class RedisServer {
  public:
    RedisServer();  // throws std::runtime_error if there is no server, or it does not start
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;
    ~RedisServer();

    const std::string& socket() const noexcept { return socket_; }

  private:
    void end() noexcept;

    std::string directory_;
    std::string socket_;
    pid_t pid_ = -1;
};

// One answer of a server, and what it is made of.
class Answer {
  public:
    explicit Answer(redisReply* reply);  // takes it over

    const redis::Reply& reply() const noexcept { return reply_; }
    const redis::Reply* operator->() const noexcept { return &reply_; }
    bool is(redis::Type type) const noexcept { return reply_.is(type); }

  private:
    struct Free {
        void operator()(redisReply* reply) const noexcept;
    };
    redis::Reply convert(const redisReply& reply);

    std::unique_ptr<redisReply, Free> raw_;
    std::vector<std::unique_ptr<redis::Reply[]>> arrays_;
    redis::Reply reply_;
};

// A connection whose calls wait for their answers.
class RedisConnection {
  public:
    explicit RedisConnection(const std::string& socket);  // throws std::runtime_error

    // Throws std::runtime_error if there is no answer. Error replies are answers.
    Answer call(std::span<const std::string_view> words);
    Answer call(std::initializer_list<std::string_view> words) {
        return call(std::span(words.begin(), words.size()));
    }

  private:
    struct Close {
        void operator()(redisContext* context) const noexcept;
    };
    std::unique_ptr<redisContext, Close> context_;
};

}  // namespace gatehouse::test
