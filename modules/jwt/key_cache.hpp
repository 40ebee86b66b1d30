#pragma once

#include <array>
#include <list>
#include <string>
#include <string_view>

#include "jwt/conf.hpp"

namespace gatehouse::jwt {

// What tells one source of keys from another.
struct CacheId {
    const void* server = nullptr;  // the virtual server of a key request; null for a file
    std::string name;              // the file's path or the request's URI
    KeyFormat format = KeyFormat::jwks;
    KeyLimits limits;

    friend bool operator==(const CacheId&, const CacheId&) = default;
};

// For the log: `key file "x"` or `key request "x"`.
std::string describe(const CacheId& id);

// Key sets that one worker got from files and subrequests at run time. The same bytes are never
// parsed twice in a row, and auth_jwt_key_cache can spare the fetching as well. Bounded: what was
// not used for the longest time goes first.
class KeyCache {
  public:
    // What was stored under `id` within the last `lifetime`; null if there is nothing. A lifetime
    // of 0 means: ask again.
    KeySetPtr fresh(const CacheId& id, ngx_msec_t lifetime);

    // The set that `content` describes, remembered under `id`; what is wrong with single keys is
    // logged at WARN, what is left out at NOTICE, once for the same content. Errors: those of
    // KeySet::parse(), and no_usable_key.
    Result<KeySetPtr> store(const CacheId& id, std::string_view content, ngx_log_t* log);

    void clear() noexcept { entries_.clear(); }

  private:
    struct Entry {
        CacheId id;
        Fingerprint fingerprint;  // of the content, which may hold secrets
        KeySetPtr keys;
        ngx_msec_t stored;
    };
    using Entries = std::list<Entry>;  // the last used first

    Entries::iterator find(const CacheId& id);

    Entries entries_;
};

}  // namespace gatehouse::jwt
