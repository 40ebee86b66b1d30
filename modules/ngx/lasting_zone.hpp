#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "ngx/api.hpp"
#include "shm/region.hpp"
#include "shm/robust_mutex.hpp"

namespace gatehouse::ngx {

// Memory that has a descriptor, mapped for all processes that inherit it; none if empty.
class SharedMemory {
  public:
    SharedMemory() noexcept = default;
    // Takes `fd` over, -1 included. Empty if it is not of that size or cannot be mapped, with the
    // reason in errno.
    SharedMemory(int fd, std::size_t size) noexcept;
    SharedMemory(SharedMemory&& other) noexcept { *this = std::move(other); }
    SharedMemory& operator=(SharedMemory&& other) noexcept;
    ~SharedMemory() { release(); }

    int fd() const noexcept { return fd_; }
    std::span<std::byte> bytes() const noexcept { return bytes_; }

  private:
    void release() noexcept;

    int fd_ = -1;
    std::span<std::byte> bytes_;
};

// A zone of shared memory that a binary upgrade does not end, as it does nginx's own zones: what is
// in it is seen by the workers of this configuration, of those before and, after SIGUSR2, of the
// old binary. Modules derive their kinds of zone from it and make them part of their configuration.
//
// The memory is a memfd of the master's that the new binary inherits, and finds by its name among
// its own descriptors (/proc/self/fd). The name stands for everything that the meaning of the bytes
// depends on: a zone of the same name, size and fingerprint goes on, any other starts afresh.
class LastingZone {
  public:
    LastingZone(const LastingZone&) = delete;
    LastingZone& operator=(const LastingZone&) = delete;

    // Finds or makes the memory: once, while the configuration is read. Until workers are started
    // nothing that is found is written to: the configuration may still fail. `size`: octets;
    // `fingerprint`: a hash of everything that the meaning of the bytes depends on, the version of
    // their layout first. False if there is no such memory to be had, with the reason in the log.
    // Throws std::bad_alloc.
    bool add(ngx_conf_t* cf, std::string_view name, std::size_t size, std::uint64_t fingerprint);

    // To be called in init_module for every zone: from here on the configuration holds, and a new
    // binary inherits the memory.
    void commit() noexcept;

    // To be called in workers: programs that they start do not inherit it.
    void keep_from_children() noexcept;

    // From add() on. The bytes, aligned to 64, are to be used under a LastingZoneLock, if not
    // atomically.
    std::span<std::byte> body() const noexcept;

    // Secret and random, the same for all who share the memory.
    const base::SipKey& seed() const noexcept { return region_->seed(); }

  protected:
    LastingZone() = default;
    ~LastingZone() = default;

  private:
    // False: the bytes are too few, or not what format() made of them.
    virtual bool format(std::span<std::byte> body) noexcept = 0;
    virtual bool attach(std::span<std::byte> body) noexcept = 0;

    bool start(std::uint64_t fingerprint) noexcept;
    bool go_on(std::uint64_t fingerprint) noexcept;
    std::span<std::byte, shm::RobustMutex::kBytes> lock_bytes() const noexcept;

    friend class LastingZoneLock;

    SharedMemory memory_;
    std::optional<shm::Region> region_;
};

// Keeps all others out of the zone's bytes while it lives. Nothing may be logged, allocated or
// waited for meanwhile. If the process dies, the next one gets the lock: what was being written to
// is then half done.
class LastingZoneLock {
  public:
    explicit LastingZoneLock(const LastingZone& zone) noexcept : mutex_(zone.lock_bytes()) {
        mutex_.lock();
    }
    ~LastingZoneLock() { mutex_.unlock(); }
    LastingZoneLock(const LastingZoneLock&) = delete;
    LastingZoneLock& operator=(const LastingZoneLock&) = delete;

  private:
    shm::RobustMutex mutex_;
};

// To be called in init_module before the zones are committed: a binary that has just been started
// closes what it has inherited of zones whose names begin so, and no zone of its configuration has
// found.
void close_inherited(const ngx_cycle_t* cycle, std::string_view prefix);

}  // namespace gatehouse::ngx
