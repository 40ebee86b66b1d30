#pragma once

#include <map>
#include <memory>

namespace gatehouse::waf {

// What is still held by somebody, by what it was made of.
template <class Key, class Value>
class RuleCache {
  public:
    std::shared_ptr<Value> find(const Key& key) const {
        const auto entry = entries_.find(key);
        return entry == entries_.end() ? nullptr : entry->second.lock();
    }

    // Forgets what nobody holds any more.
    void insert(const Key& key, const std::shared_ptr<Value>& value) {
        std::erase_if(entries_, [](const auto& entry) { return entry.second.expired(); });
        entries_.insert_or_assign(key, value);
    }

  private:
    std::map<Key, std::weak_ptr<Value>> entries_;
};

}  // namespace gatehouse::waf
