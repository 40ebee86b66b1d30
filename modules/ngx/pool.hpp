#pragma once

#include <memory>
#include <new>
#include <utility>

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// The cleanup handler of every T that make() has put into a pool; its address tells them apart.
template <class T>
void destroy(void* object) noexcept {
    std::destroy_at(static_cast<T*>(object));
}

// A T that lives as long as `pool` and is then destroyed. The cleanup is taken first, the object
// constructed, and only then the cleanup armed: no step can leak. Throws std::bad_alloc and
// whatever the constructor throws.
template <class T, class... Args>
T* make(ngx_pool_t* pool, Args&&... args) {
    static_assert(alignof(T) <= NGX_ALIGNMENT, "pools align to NGX_ALIGNMENT");
    ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(pool, sizeof(T));
    if (cleanup == nullptr) {
        throw std::bad_alloc();
    }
    T* object = std::construct_at(static_cast<T*>(cleanup->data), std::forward<Args>(args)...);
    cleanup->handler = destroy<T>;
    return object;
}

// The latest T that make() has put into `pool` and that `wanted(const T&)` accepts; null if there
// is none.
template <class T, class Predicate>
T* find_made(const ngx_pool_t* pool, Predicate wanted) noexcept {
    for (const ngx_pool_cleanup_t* c = pool->cleanup; c != nullptr; c = c->next) {
        if (c->handler == destroy<T> && wanted(*static_cast<const T*>(c->data))) {
            return static_cast<T*>(c->data);
        }
    }
    return nullptr;
}

// Zeroed memory for nginx's own plain structures. Throws std::bad_alloc.
template <class T>
T* allocate(ngx_pool_t* pool) {
    auto* object = static_cast<T*>(ngx_pcalloc(pool, sizeof(T)));
    if (object == nullptr) {
        throw std::bad_alloc();
    }
    return object;
}

}  // namespace gatehouse::ngx
