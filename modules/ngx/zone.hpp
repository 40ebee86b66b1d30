#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ngx/api.hpp"
#include "shm/region.hpp"

namespace gatehouse::ngx {

// A zone of shared memory. A module derives its kinds of zone from it and makes them part of its
// configuration: they live as long as the cycle. What is in the memory is seen by the workers of
// this configuration, and by those of the one before for as long as they finish their requests.
//
// On reload a zone of the same name, size and fingerprint keeps its memory, which is then not
// written to: old workers use it, and the reload may still fail. Any other gets new memory, and the
// old one stays as it is until the reload has succeeded.
class Zone {
  public:
    Zone(const Zone&) = delete;
    Zone& operator=(const Zone&) = delete;

    // Registers the zone with nginx: once, while the configuration is read, postconfiguration
    // included. `size`: octets, as parse_zone() has them; `fingerprint`: a hash of everything that
    // the meaning of the bytes depends on, the version of their layout first. False if nginx
    // refuses, with the reason in the log: there is a zone of that name already. Throws
    // std::bad_alloc.
    bool add(ngx_conf_t* cf, std::string_view name, std::size_t size, ngx_module_t& owner,
             std::uint64_t fingerprint);

    std::string_view name() const noexcept { return name_; }

    // From format() or attach() on. The bytes, aligned to 64, are to be used under a ZoneLock, if
    // not atomically.
    std::span<std::byte> body() const noexcept { return region_->body(); }

    // Secret and random, the same for all who share the memory. Drawn when there was no zone of
    // that name and owner before.
    const base::SipKey& seed() const noexcept { return region_->seed(); }

  protected:
    Zone() = default;
    ~Zone() = default;  // touches no memory of the zone: that may be unmapped already

  private:
    // Called in the master before it makes workers; false fails the configuration, because the
    // bytes are too few (format) or not what format() made of them (attach).
    //
    // format: the memory is new, nobody else sees it yet. `previous`: the zone that had this name
    // in the configuration that is to be replaced, if it was `owner`'s (hence of the class that
    // `owner` makes of it) and has another size or fingerprint; null if there is none. Its workers
    // are live: it may be read from under a ZoneLock, not written to, and not kept.
    virtual bool format(std::span<std::byte> body, const Zone* previous) noexcept = 0;

    // The memory has been in use since an earlier configuration. Must not write.
    virtual bool attach(std::span<std::byte> body) noexcept = 0;

    static ngx_int_t init(ngx_shm_zone_t* shm, void* data);
    bool start(const Zone* previous, ngx_log_t* log);
    bool continue_from(const Zone& previous, ngx_log_t* log);

    friend class ZoneLock;

    std::string name_;
    std::uint64_t fingerprint_ = 0;
    const Zone* previous_ = nullptr;  // until init()
    ngx_slab_pool_t* pool_ = nullptr;
    std::span<std::byte> bytes_;
    std::optional<shm::Region> region_;
};

// Keeps all others out of the zone's bytes while it lives. Nothing may be logged, allocated or
// waited for meanwhile. If the process dies, the master opens the lock: what was being written to
// is then half done.
class ZoneLock {
  public:
    explicit ZoneLock(const Zone& zone) noexcept : mutex_(&zone.pool_->mutex) {
        ngx_shmtx_lock(mutex_);
    }
    ~ZoneLock() { ngx_shmtx_unlock(mutex_); }
    ZoneLock(const ZoneLock&) = delete;
    ZoneLock& operator=(const ZoneLock&) = delete;

  private:
    ngx_shmtx_t* mutex_;
};

// To be called in init_module by every module that adds zones: from here on the new configuration
// holds, and nginx frees the memory of zones that have started fresh.
void commit_zones(ngx_cycle_t* cycle, const ngx_module_t& owner) noexcept;

struct ZoneName {
    std::string_view name;
    std::size_t size = 0;  // octets
};

class Directive;

// The value of the parameter `zone=name:size`; nothing if it is malformed or the zone too small,
// which has been logged in the words of limit_req_zone.
std::optional<ZoneName> parse_zone(const Directive& directive, std::string_view parameter);

}  // namespace gatehouse::ngx
