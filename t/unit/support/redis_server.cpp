#include "redis_server.hpp"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

namespace gatehouse::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

std::string make_directory() {
    std::string path = std::filesystem::temp_directory_path() / "gatehouse-redis-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
        throw std::runtime_error("no temporary directory");
    }
    return path;
}

[[noreturn]] void become_server(const char* directory, const char* socket) {
    const char* const chosen = std::getenv("GATEHOUSE_REDIS_SERVER");
    const char* const program = chosen != nullptr ? chosen : "redis-server";
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execlp(program, program, "--port", "0", "--unixsocket", socket, "--dir", directory, "--save",
           "", "--appendonly", "no", "--daemonize", "no", static_cast<char*>(nullptr));
    _exit(127);
}

bool answers(const std::string& socket) {
    try {
        return RedisConnection(socket).call({"PING"}).is(redis::Type::status);
    } catch (const std::runtime_error&) {
        return false;
    }
}

redis::Type type_of(int type) {
    switch (type) {
    case REDIS_REPLY_NIL:
        return redis::Type::nil;
    case REDIS_REPLY_STATUS:
        return redis::Type::status;
    case REDIS_REPLY_ERROR:
        return redis::Type::error;
    case REDIS_REPLY_INTEGER:
        return redis::Type::integer;
    case REDIS_REPLY_ARRAY:
        return redis::Type::array;
    default:
        return redis::Type::string;
    }
}

}  // namespace

RedisServer::RedisServer() : directory_(make_directory()), socket_(directory_ + "/socket") {
    pid_ = fork();
    if (pid_ == 0) {
        become_server(directory_.c_str(), socket_.c_str());
    }
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (pid_ < 0 || !answers(socket_)) {
        const bool ended = pid_ < 0 || waitpid(pid_, nullptr, WNOHANG) == pid_;
        if (ended || std::chrono::steady_clock::now() > deadline) {
            pid_ = ended ? -1 : pid_;
            end();
            throw std::runtime_error("redis-server does not start");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

RedisServer::~RedisServer() { end(); }

void RedisServer::end() noexcept {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void Answer::Free::operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }

Answer::Answer(redisReply* reply) : raw_(reply), reply_(convert(*reply)) {}

redis::Reply Answer::convert(const redisReply& reply) {
    redis::Reply converted;
    converted.type = type_of(reply.type);
    converted.integer = reply.integer;
    if (reply.type == REDIS_REPLY_ARRAY) {
        auto elements = std::make_unique<redis::Reply[]>(reply.elements);
        for (std::size_t i = 0; i < reply.elements; ++i) {
            elements[i] = convert(*reply.element[i]);
        }
        converted.elements = {elements.get(), reply.elements};
        arrays_.push_back(std::move(elements));
    } else if (reply.str != nullptr) {
        converted.text = {reply.str, static_cast<std::size_t>(reply.len)};
    }
    return converted;
}

void RedisConnection::Close::operator()(redisContext* context) const noexcept {
    redisFree(context);
}

RedisConnection::RedisConnection(const std::string& socket)
    : context_(redisConnectUnix(socket.c_str())) {
    if (context_ == nullptr || context_->err != 0) {
        throw std::runtime_error("no connection to redis-server");
    }
}

Answer RedisConnection::call(std::span<const std::string_view> words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string_view word : words) {
        texts.push_back(word.data());
        sizes.push_back(word.size());
    }
    void* reply = redisCommandArgv(context_.get(), static_cast<int>(words.size()), texts.data(),
                                   sizes.data());
    if (reply == nullptr) {
        throw std::runtime_error("no answer from redis-server");
    }
    return Answer(static_cast<redisReply*>(reply));
}

}  // namespace gatehouse::test
