#pragma once

#include <pthread.h>

#include <cstddef>
#include <span>

namespace gatehouse::shm {

// A mutex in bytes that several processes share, wherever each of them has mapped these. If the
// process that holds it dies, whoever comes next gets it: the kernel sees to that, no parent
// process and no timer is needed. What the dead one was writing to is then half done.
//
// The bytes are a pthread_mutex_t (PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_ROBUST), and zeros up to
// kBytes. A thread may hold a thousand of them at a time; for more the kernel does not look.
class RobustMutex {
  public:
    static constexpr std::size_t kBytes = 64;

    // Makes one, open, in bytes aligned to 64. False if the system has none, with the reason in
    // errno.
    static bool format(std::span<std::byte, kBytes> bytes) noexcept;

    // What format() made.
    explicit RobustMutex(std::span<std::byte, kBytes> bytes) noexcept
        : mutex_(reinterpret_cast<pthread_mutex_t*>(bytes.data())) {}

    // Whoever holds it must not wait for anything: this spins for a while before it sleeps.
    void lock() noexcept;
    void unlock() noexcept;

  private:
    pthread_mutex_t* mutex_;
};

}  // namespace gatehouse::shm
