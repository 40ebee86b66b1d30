#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "rate_limit/core/scripts.hpp"
#include "rate_limit/zone.hpp"
#include "redis/client.hpp"

namespace gatehouse::rate_limit {

struct Worker;
class Inquiry;

// Who wants to know what Redis says. Destroying it ends that, and nothing else.
class Inquirer {
  public:
    Inquirer() = default;
    Inquirer(const Inquirer&) = delete;
    Inquirer& operator=(const Inquirer&) = delete;
    virtual ~Inquirer();

    bool expects_answer() const noexcept { return inquiry_ != nullptr; }

    // Called once, from the event loop. `answer`: null if there is none; else `charged` has what
    // it says about each key, in the order in which they were asked about.
    virtual void told(const ChargeReply* answer, std::span<const Charged> charged) noexcept = 0;

  private:
    friend class Inquiry;
    Inquiry* inquiry_ = nullptr;
};

// One key of a question.
struct Question {
    const Zone* zone = nullptr;
    base::Hash128 slot;
    std::shared_ptr<const Policy> policy;
    std::uint32_t cost = 1;
    Step step;
};

// The questions to Redis that are under way. They outlive the requests that ask: what the answer
// says is remembered whether or not the client has stayed to hear it, or else clients that leave at
// once would get around the deny cache.
class Inquiries {
  public:
    explicit Inquiries(Worker& worker) noexcept;
    ~Inquiries();

    // Charges all keys at once. `keys`: their names in Redis, all of one call; `questions`: not
    // none. Returns none, or why it cannot be done; then nothing happened. Throws std::bad_alloc.
    redis::Failure ask(std::span<const std::string_view> keys, std::vector<Question> questions,
                       Inquirer& inquirer);

  private:
    friend class Inquiry;

    Worker& worker_;
    std::list<Inquiry> under_way_;
};

}  // namespace gatehouse::rate_limit
