#include "redis/core/command.hpp"

#include <hiredis/hiredis.h>
#include <openssl/crypto.h>

#include <array>
#include <cassert>
#include <charconv>
#include <memory_resource>
#include <new>
#include <vector>

namespace gatehouse::redis {
namespace {

// Lists of words and of their lengths: commands of the usual size need no allocation for them.
struct Scratch {
    std::array<std::byte, 1024> first;
    std::pmr::monotonic_buffer_resource memory{first.data(), first.size()};
};

constexpr std::string_view kEvalShaHead = "$7\r\nEVALSHA\r\n$40\r\n";
constexpr std::string_view kEvalHead = "$4\r\nEVAL\r\n$";
constexpr std::string_view kNewline = "\r\n";

}  // namespace

void Command::Free::operator()(char* bytes) const noexcept { redisFreeCommand(bytes); }

Command::Command(std::span<const std::string_view> words) {
    Scratch scratch;
    std::pmr::vector<const char*> texts(&scratch.memory);
    std::pmr::vector<std::size_t> lengths(&scratch.memory);
    texts.reserve(words.size());
    lengths.reserve(words.size());
    for (const std::string_view word : words) {
        texts.push_back(word.data() != nullptr ? word.data() : "");
        lengths.push_back(word.size());
    }
    char* bytes = nullptr;
    const auto size = redisFormatCommandArgv(&bytes, static_cast<int>(words.size()), texts.data(),
                                             lengths.data());
    if (size < 0) {
        throw std::bad_alloc();
    }
    bytes_.reset(bytes);
    size_ = static_cast<std::size_t>(size);
}

Command Command::evalsha(const Script& script, std::span<const std::string_view> keys,
                         std::span<const std::string_view> arguments) {
    std::array<char, 20> digits;
    const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), keys.size()).ptr;

    Scratch scratch;
    std::pmr::vector<std::string_view> words(&scratch.memory);
    words.reserve(3 + keys.size() + arguments.size());
    words.push_back("EVALSHA");
    words.push_back(script.sha());
    words.push_back({digits.data(), static_cast<std::size_t>(end - digits.data())});
    words.insert(words.end(), keys.begin(), keys.end());
    words.insert(words.end(), arguments.begin(), arguments.end());
    return Command(std::span<const std::string_view>(words));
}

void Command::cleanse() noexcept { OPENSSL_cleanse(bytes_.get(), size_); }

std::string as_eval(std::string_view evalsha, const Script& script) {
    const std::string_view count = evalsha.substr(0, evalsha.find('\n') + 1);
    assert(evalsha.substr(count.size()).starts_with(kEvalShaHead));
    const std::string_view tail =
        evalsha.substr(count.size() + kEvalShaHead.size() + script.sha().size() + kNewline.size());
    const std::string length = std::to_string(script.text().size());

    std::string eval;
    eval.reserve(evalsha.size() + kEvalHead.size() + length.size() + script.text().size());
    eval.append(count).append(kEvalHead).append(length).append(kNewline);
    eval.append(script.text()).append(kNewline).append(tail);
    return eval;
}

}  // namespace gatehouse::redis
