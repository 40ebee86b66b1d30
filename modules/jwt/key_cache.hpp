#pragma once

#include <list>
#include <string>
#include <string_view>

#include "jwt/conf.hpp"

namespace gatehouse::jwt {

// Key sets that one worker got from files and subrequests at run time. The same bytes are never
// parsed twice in a row, and auth_jwt_key_cache can spare the fetching as well. Bounded: what was
// not used for the longest time goes first.
class KeyCache {
  public:
    // What was stored under `id` within the last `lifetime`; null if there is nothing. A lifetime
    // of 0 means: ask again.
    KeySetPtr fresh(std::string_view id, ngx_msec_t lifetime);

    // The set that `content` describes, remembered under `id`; what is wrong with single keys is
    // logged at WARN. Errors: those of KeySet::parse().
    Result<KeySetPtr> store(std::string_view id, std::string_view content, KeyFormat format,
                            const KeyLimits& limits, ngx_log_t* log);

  private:
    struct Entry {
        std::string id;
        std::string content;
        KeySetPtr keys;
        ngx_msec_t stored;
    };
    using Entries = std::list<Entry>;  // the last used first

    Entries::iterator find(std::string_view id);

    Entries entries_;
};

}  // namespace gatehouse::jwt
