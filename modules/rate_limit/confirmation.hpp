#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "rate_limit/zone.hpp"
#include "redis/client.hpp"

namespace gatehouse::rate_limit {

struct Worker;

class Confirmation;

// The charges of requests that were admitted in advance (mode=optimistic). They outlive the
// requests, and free their places among the unconfirmed when Redis has answered. Of one key there
// is one call at a time: what is admitted meanwhile is charged by the next, all at once.
class Confirmations {
  public:
    explicit Confirmations(Worker& worker) noexcept;
    ~Confirmations();

    // Charges a request that holds `step`. Returns none, or why that cannot be done; then nothing
    // happened. Throws std::bad_alloc.
    redis::Failure add(const Zone& zone, const base::Hash128& slot, std::string_view redis_key,
                       const Policy& policy, std::uint32_t cost, const Step& step);

  private:
    friend class Confirmation;

    Worker& worker_;

    // Requests with rates of their own are not charged together with others.
    struct Key {
        base::Hash128 slot;
        std::uint32_t policy = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct Hash {
        std::size_t operator()(const Key& key) const noexcept { return key.slot.low ^ key.policy; }
    };
    std::unordered_map<Key, std::unique_ptr<Confirmation>, Hash> under_way_;
};

}  // namespace gatehouse::rate_limit
