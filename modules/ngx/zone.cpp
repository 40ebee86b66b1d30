#include "ngx/zone.hpp"

#include <sys/random.h>

#include "ngx/conf.hpp"

namespace gatehouse::ngx {
namespace {

// What limit_req_zone asks for: less than that the slab allocator leaves little of.
constexpr std::size_t kLeastPages = 8;

// The first zone of the list that `wanted` accepts; null if there is none.
template <class Predicate>
ngx_shm_zone_t* find_zone(const ngx_list_t& zones, Predicate wanted) noexcept {
    for (const ngx_list_part_t* part = &zones.part; part != nullptr; part = part->next) {
        auto* zone = static_cast<ngx_shm_zone_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            if (wanted(zone[i])) {
                return &zone[i];
            }
        }
    }
    return nullptr;
}

// The zone of that name and owner in the cycle that `cycle` is to replace; null if there is none.
// nginx's first cycle, of which all others descend, has none.
ngx_shm_zone_t* find_previous(const ngx_cycle_t* cycle, std::string_view name,
                              const void* owner) noexcept {
    return find_zone(cycle->old_cycle->shared_memory, [&](const ngx_shm_zone_t& zone) {
        return zone.tag == owner && zone.data != nullptr && view(zone.shm.name) == name;
    });
}

void log_zone(ngx_log_t* log, std::string_view name, const char* problem) noexcept {
    ngx_log_error(NGX_LOG_EMERG, log, 0, "zone \"%*s\" %s", name.size(), name.data(), problem);
}

std::optional<base::SipKey> random_key() noexcept {
    base::SipKey key;
    if (getrandom(&key, sizeof key, 0) != sizeof key) {
        return std::nullopt;
    }
    return key;
}

// All that a new slab pool has to give, as one piece: the pool itself, its mutex above all, stays
// what nginx expects to find at the start of every zone.
std::span<std::byte> take_all(ngx_slab_pool_t* pool) noexcept {
    const std::size_t size = pool->pfree << ngx_pagesize_shift;
    void* bytes = ngx_slab_alloc(pool, size);
    return {static_cast<std::byte*>(bytes), bytes == nullptr ? 0 : size};
}

}  // namespace

bool Zone::add(ngx_conf_t* cf, std::string_view name, std::size_t size, ngx_module_t& owner,
               std::uint64_t fingerprint) {
    name_ = name;
    fingerprint_ = fingerprint;
    ngx_str_t copied = copy(cf->pool, name);
    ngx_shm_zone_t* shm = ngx_shared_memory_add(cf, &copied, size, &owner);
    if (shm == nullptr) {
        return false;
    }
    if (shm->data != nullptr) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "zone \"%V\" is already defined", &copied);
        return false;
    }
    shm->data = this;
    shm->init = guard<OnThrow::error, Zone::init>;
    const ngx_shm_zone_t* previous = find_previous(cf->cycle, name, &owner);
    if (previous != nullptr) {
        previous_ = static_cast<const Zone*>(previous->data);
        // nginx would hand over the memory of any zone of the same name, owner and size.
        shm->noreuse = previous_->fingerprint_ != fingerprint;
    }
    return true;
}

ngx_int_t Zone::init(ngx_shm_zone_t* shm, void* data) {
    Zone& zone = *static_cast<Zone*>(shm->data);
    zone.pool_ = reinterpret_cast<ngx_slab_pool_t*>(shm->shm.addr);
    const Zone* previous = std::exchange(zone.previous_, nullptr);
    // nginx 1.30 passes the old data with new memory, too, where it was told not to reuse.
    const bool ready = data != nullptr && shm->noreuse == 0
                           ? zone.continue_from(*static_cast<const Zone*>(data), shm->shm.log)
                           : zone.start(previous, shm->shm.log);
    return ready ? NGX_OK : NGX_ERROR;
}

bool Zone::start(const Zone* previous, ngx_log_t* log) {
    // What is carried over is found by the hashes that it had.
    const auto seed = previous != nullptr ? previous->seed() : random_key();
    if (!seed) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno, "getrandom() failed");
        return false;
    }
    bytes_ = take_all(pool_);
    region_ = shm::Region::format(bytes_, fingerprint_, *seed);
    if (!region_ || !format(region_->body(), previous)) {
        log_zone(log, name_, "is too small");
        return false;
    }
    // Where modules that know nothing of this one find it.
    pool_->data = bytes_.data();
    return true;
}

bool Zone::continue_from(const Zone& previous, ngx_log_t* log) {
    bytes_ = previous.bytes_;
    region_ = shm::Region::attach(bytes_);
    if (!region_ || region_->fingerprint() != fingerprint_ || !attach(region_->body())) {
        log_zone(log, name_, "is damaged; restart nginx, or give it another size");
        return false;
    }
    return true;
}

void commit_zones(ngx_cycle_t* cycle, const ngx_module_t& owner) noexcept {
    // To nginx `noreuse` is the nature of a zone, not of one reload: it frees the memory of an old
    // zone that has the mark, even if the new one has just taken it over, and keeps that of one
    // that has not, even if nobody has. So the mark moves from the zone that was not to reuse to
    // the one that was not reused. Nothing fails from here on, and the freeing comes next.
    const auto fresh = [&](const ngx_shm_zone_t& zone) {
        return zone.tag == &owner && zone.noreuse;
    };
    while (ngx_shm_zone_t* zone = find_zone(cycle->shared_memory, fresh)) {
        zone->noreuse = 0;
        ngx_shm_zone_t* previous = find_previous(cycle, view(zone->shm.name), &owner);
        // Without a master the requests of the old configuration go on in this very process.
        if (previous != nullptr && ngx_process != NGX_PROCESS_SINGLE) {
            previous->noreuse = 1;
        }
    }
}

std::optional<ZoneName> parse_zone(const Directive& directive, std::string_view parameter) {
    const std::string_view value = named_value(parameter, "zone").value_or("");
    const std::size_t colon = value.find(':');
    const auto quoted = [&](std::string_view before, std::string_view after) {
        return std::string(before).append(" \"").append(parameter).append("\"").append(after);
    };
    if (colon == 0) {
        directive.error(quoted("invalid zone name", ""));
        return std::nullopt;
    }
    const auto size =
        colon == std::string_view::npos ? std::nullopt : parse_size(value.substr(colon + 1));
    if (!size) {
        directive.error(quoted("invalid zone size", ""));
        return std::nullopt;
    }
    if (*size < kLeastPages * ngx_pagesize) {
        directive.error(quoted("zone", " is too small"));
        return std::nullopt;
    }
    return ZoneName{value.substr(0, colon), *size};
}

}  // namespace gatehouse::ngx
