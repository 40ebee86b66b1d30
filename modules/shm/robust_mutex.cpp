#include "shm/robust_mutex.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace gatehouse::shm {
namespace {

// What is done under the lock takes less than the two switches of context that sleeping takes.
constexpr int kSpins = 100;

void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

int acquire(pthread_mutex_t* mutex) noexcept {
    for (int i = 0; i < kSpins; ++i) {
        const int result = pthread_mutex_trylock(mutex);
        if (result != EBUSY) {
            return result;
        }
        relax();
    }
    return pthread_mutex_lock(mutex);
}

}  // namespace

bool RobustMutex::format(std::span<std::byte, kBytes> bytes) noexcept {
    static_assert(sizeof(pthread_mutex_t) <= kBytes);
    std::memset(bytes.data(), 0, bytes.size());
    pthread_mutexattr_t attributes;
    int problem = pthread_mutexattr_init(&attributes);
    if (problem == 0) {
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
        problem = pthread_mutex_init(reinterpret_cast<pthread_mutex_t*>(bytes.data()), &attributes);
        pthread_mutexattr_destroy(&attributes);
    }
    errno = problem;
    return problem == 0;
}

void RobustMutex::lock() noexcept {
    switch (acquire(mutex_)) {
    case 0:
        return;
    case EOWNERDEAD:
        pthread_mutex_consistent(mutex_);
        return;
    default:
        // The bytes are no mutex any more. Going on would be to write without the lock.
        std::abort();
    }
}

void RobustMutex::unlock() noexcept { pthread_mutex_unlock(mutex_); }

}  // namespace gatehouse::shm
