#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace gatehouse::waf {

// Memory of transactions that are over. One is of several kilobytes: each time that malloc gives
// or takes a piece of that size it puts all the small ones around in order first.
class Spares {
  public:
    void* take(std::size_t size) { return count_ > 0 ? spares_[--count_] : ::operator new(size); }
    void put(void* memory) noexcept {
        if (count_ < spares_.size()) {
            spares_[count_++] = memory;
        } else {
            ::operator delete(memory);
        }
    }
    ~Spares() {
        while (count_ > 0) {
            ::operator delete(spares_[--count_]);
        }
    }

  private:
    std::array<void*, 32> spares_{};
    std::size_t count_ = 0;
};

}  // namespace gatehouse::waf
