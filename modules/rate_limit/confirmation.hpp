#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "rate_limit/zone.hpp"
#include "redis/client.hpp"

namespace gatehouse::rate_limit {

// The charge of a request that was admitted in advance (mode=optimistic): it outlives the request,
// and frees the request's place among the unconfirmed when Redis has answered.
class Confirmation;

class Confirmations {
  public:
    Confirmations() noexcept;
    ~Confirmations();

    // Sends the charge. Returns none, or why it was not sent; then nothing happened. Throws
    // std::bad_alloc.
    redis::Failure send(const Zone& zone, const base::Hash128& slot, std::string_view redis_key,
                        const Policy& policy, std::uint32_t cost, const Step& step);

  private:
    friend class Confirmation;
    std::list<Confirmation> under_way_;
};

}  // namespace gatehouse::rate_limit
