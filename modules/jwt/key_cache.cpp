#include "jwt/key_cache.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace gatehouse::jwt {
namespace {

// Few places have more sources of keys; each may hold auth_jwt_limits' worth of keys.
constexpr std::size_t kMaxEntries = 64;

// Whoever publishes a set does not decide how much is logged about it.
constexpr std::size_t kMaxNotes = 10;

void log_notes(ngx_log_t* log, const CacheId& id, const std::vector<KeyNote>& notes) {
    const std::string source = "auth_jwt: " + describe(id) + ": ";
    for (std::size_t i = 0; i < std::min(notes.size(), kMaxNotes); ++i) {
        ngx::log(notes[i].is_left_out() ? NGX_LOG_NOTICE : NGX_LOG_WARN, log, source,
                 describe(notes[i]));
    }
    if (notes.size() > kMaxNotes) {
        const std::size_t more = notes.size() - kMaxNotes;
        ngx::log(NGX_LOG_WARN, log, source, "and " + std::to_string(more) + " more like this");
    }
}

}  // namespace

std::string describe(const CacheId& id) {
    return (id.server == nullptr ? "key file \"" : "key request \"") + id.name + "\"";
}

KeyCache::Entries::iterator KeyCache::find(const CacheId& id) {
    const auto entry =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.id == id; });
    if (entry != entries_.end()) {
        entries_.splice(entries_.begin(), entries_, entry);
    }
    return entry;
}

KeySetPtr KeyCache::fresh(const CacheId& id, ngx_msec_t lifetime) {
    if (lifetime == 0) {
        return nullptr;
    }
    const auto entry = find(id);
    const bool is_fresh = entry != entries_.end() && ngx_current_msec - entry->stored < lifetime;
    return is_fresh ? entry->keys : nullptr;
}

Result<KeySetPtr> KeyCache::store(const CacheId& id, std::string_view content, ngx_log_t* log) {
    const auto fingerprint = fingerprint_of(content);
    if (!fingerprint) {
        return Error::internal;
    }
    auto entry = find(id);
    if (entry != entries_.end() && entry->fingerprint == *fingerprint) {
        entry->stored = ngx_current_msec;
        return entry->keys;
    }
    std::vector<KeyNote> notes;
    auto parsed = KeySet::parse(content, id.format, id.limits, notes);
    if (!parsed) {
        return parsed.error();
    }
    log_notes(log, id, notes);
    if (parsed->keys().empty()) {
        return Error::no_usable_key;
    }
    auto keys = std::make_shared<const KeySet>(std::move(*parsed));
    Entry renewed{id, *fingerprint, keys, ngx_current_msec};
    if (entry != entries_.end()) {
        *entry = std::move(renewed);
        return keys;
    }
    entries_.push_front(std::move(renewed));
    if (entries_.size() > kMaxEntries) {
        entries_.pop_back();
    }
    return keys;
}

}  // namespace gatehouse::jwt
