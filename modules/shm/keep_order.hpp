#pragma once

#include <atomic>

namespace gatehouse::shm {

// A process is killed between two instructions, so that what the others see of it is what it has
// done in its own order: only the compiler must be kept from changing that.
inline void keep_order() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace gatehouse::shm
