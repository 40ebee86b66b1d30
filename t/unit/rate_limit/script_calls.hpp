#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "expect.hpp"
#include "rate_limit/core/scripts.hpp"
#include "rate_limit/script_policy.hpp"
#include "redis_server.hpp"

// Calls of the scripts on a real server, with its clock or with one that the test sets.

namespace gatehouse::test {

// Replaces what must be there exactly once.
inline std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
    std::string result(text);
    const std::size_t place = result.find(from);
    expect(place != std::string::npos, from, "is in the script");
    result.replace(place, from.size(), to);
    expect(result.find(from, place + to.size()) == std::string::npos, from, "is there once");
    return result;
}

// The scripts as they are, but for the clock, which is the list "clock".
inline std::string with_clock_of_test(std::string_view script) {
    return replaced(script, "redis.call('TIME')", "redis.call('LRANGE', 'clock', 0, 1)");
}

// The scripts' times to live go by the server's own clock, and must not interfere with another one.
inline std::string with_long_lives(std::string_view script) {
    std::string result(script);
    for (const std::string_view end : {"per * 1000))", " / 1000))"}) {
        const std::string longer = std::string(end.substr(0, end.size() - 1)) + " + 3600000)";
        std::size_t place = result.find(end);
        expect(place != std::string::npos, end, "is in the script");
        for (; place != std::string::npos; place = result.find(end, place + longer.size())) {
            result.replace(place, end.size(), longer);
        }
    }
    return result;
}

// For messages.
inline std::string text(const redis::Reply& reply) {
    std::string result(reply.text);
    for (const redis::Reply& element : reply.elements) {
        result += ' ' + (element.text.empty() ? std::to_string(element.integer) : text(element));
    }
    return result;
}

struct ChargeResult {
    rate_limit::ChargeReply call;
    std::vector<rate_limit::Charged> keys;
};

class Scripts {
  public:
    explicit Scripts(const std::string& socket) : connection_(socket) {}

    // From now on the scripts' clock shows this, in microseconds.
    void set_clock(std::int64_t now) {
        if (!own_clock_) {
            charge_ = with_long_lives(with_clock_of_test(rate_limit::charge_script()));
            refund_ = with_long_lives(with_clock_of_test(rate_limit::refund_script()));
            own_clock_ = true;
        }
        const std::string seconds = std::to_string(now / 1'000'000);
        const std::string microseconds = std::to_string(now % 1'000'000);
        connection_.call({"DEL", "clock"});
        connection_.call({"RPUSH", "clock", seconds, microseconds});
    }

    Answer ask(std::span<const std::string_view> keys, std::span<const rate_limit::Item> items) {
        arguments_.clear();
        for (const rate_limit::Item& item : items) {
            arguments_.add_charge(item);
        }
        return eval(charge_, keys);
    }

    ChargeResult charge(std::span<const std::string_view> keys,
                        std::span<const rate_limit::Item> items) {
        ChargeResult result;
        result.keys.resize(items.size());
        const Answer answer = ask(keys, items);
        const auto call = read_charge(answer.reply(), items, result.keys);
        expect(call.has_value(), text(answer.reply()), "an answer that is believed");
        result.call = *call;
        return result;
    }

    rate_limit::Charged charge(std::string_view key, const rate_limit::Item& item) {
        return charge(std::span(&key, 1), std::span(&item, 1)).keys.front();
    }

    void refund(std::string_view key, const rate_limit::Item& item, std::uint32_t granted,
                std::int64_t charged_at) {
        arguments_.clear();
        arguments_.add_refund(item, granted, charged_at);
        const Answer answer = eval(refund_, std::span(&key, 1));
        expect(answer.is(redis::Type::integer), answer->text, "an answer to a refund");
    }

    // Any other command.
    RedisConnection& redis() noexcept { return connection_; }

  private:
    Answer eval(const std::string& script, std::span<const std::string_view> keys) {
        const std::string count = std::to_string(keys.size());
        std::vector<std::string_view> words{"EVAL", script, count};
        words.insert(words.end(), keys.begin(), keys.end());
        const auto arguments = arguments_.view();
        words.insert(words.end(), arguments.begin(), arguments.end());
        return connection_.call(words);
    }

    RedisConnection connection_;
    rate_limit::Arguments arguments_;
    std::string charge_{rate_limit::charge_script()};
    std::string refund_{rate_limit::refund_script()};
    bool own_clock_ = false;
};

// The server of one test program and its connection: cmocka's group fixture.
inline std::unique_ptr<RedisServer> server;
inline std::unique_ptr<Scripts> scripts;

inline int start_server(void**) {
    server = std::make_unique<RedisServer>();
    return 0;
}

inline int stop_server(void**) {
    scripts.reset();
    server.reset();
    return 0;
}

// Before each test: an empty server, and scripts with its clock.
inline int clean_server(void**) {
    scripts = std::make_unique<Scripts>(server->socket());
    return scripts->redis().call({"FLUSHALL"}).is(redis::Type::status) ? 0 : -1;
}

}  // namespace gatehouse::test
