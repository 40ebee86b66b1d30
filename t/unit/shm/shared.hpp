#pragma once

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "cmocka.hpp"

namespace gatehouse::test {

// Bytes of exactly that many, aligned as a page is, so that the sanitizer sees a step beyond them;
// filled with what memory that was used before may hold.
class Bytes {
  public:
    explicit Bytes(std::size_t size) : size_(size) {
        void* memory = nullptr;
        assert_int_equal(posix_memalign(&memory, 4096, size), 0);
        memory_.reset(static_cast<std::byte*>(memory));
        std::memset(memory, 0xa5, size);
    }
    std::span<std::byte> span() const { return {memory_.get(), size_}; }

  private:
    struct Free {
        void operator()(std::byte* memory) const { std::free(memory); }
    };
    std::unique_ptr<std::byte, Free> memory_;
    std::size_t size_;
};

// Bytes that are the same for this process and its children.
class SharedBytes {
  public:
    explicit SharedBytes(std::size_t size) : size_(size) {
        memory_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(memory_ != MAP_FAILED);
    }
    ~SharedBytes() { munmap(memory_, size_); }
    SharedBytes(const SharedBytes&) = delete;
    SharedBytes& operator=(const SharedBytes&) = delete;
    std::span<std::byte> span() const { return {static_cast<std::byte*>(memory_), size_}; }

  private:
    void* memory_ = nullptr;
    std::size_t size_;
};

// Runs `body` in a child process; how that ended, as waitpid() tells it.
template <class F>
int in_child(F&& body) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

inline bool killed(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }
inline bool succeeded(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

}  // namespace gatehouse::test
