#include "redis/sentinel.hpp"

#include <utility>

#include "redis/core/sentinel.hpp"
#include "redis/early_calls.hpp"
#include "redis/node.hpp"

namespace gatehouse::redis {
namespace {

// An old master may still be there while another has taken its place.
constexpr ngx_msec_t kPoll = 1000;
// After the master was lost, and as long as it is.
constexpr ngx_msec_t kHurry = 100;
// A sentinel that has lost sight of the others goes on naming the old master: after so many
// attempts in vain another one is asked.
constexpr unsigned kPatience = 8;

class SentinelClient final : public Client, public Node::Owner, private Waiter {
  public:
    SentinelClient(const Options& options, std::span<const Script* const> scripts, ngx_log_t* log)
        : context_(options, scripts, log),
          early_(context_),
          poll_(*this, ngx::calls<&SentinelClient::ask>, log, ngx::AtExit::drop),
          sentinels_(context_, *this, Node::Purpose::sentinel, options.servers),
          master_(context_, *this, Node::Purpose::calls_of_master, {}) {
        sentinels_.start();
    }

    bool usable(std::string_view) const noexcept override {
        return master_.usable() || (early_.open() && (master_is_known() || sentinels_.usable()));
    }
    bool together(std::string_view, std::string_view) const noexcept override { return true; }

    Failure call(const Script& script, std::span<const std::string_view> keys,
                 std::span<const std::string_view> arguments, Waiter* waiter) override {
        if (!master_.usable() && usable(keys.front())) {
            return early_.add(script, keys, arguments, waiter);
        }
        return master_.call(script, keys, arguments, waiter);
    }

  private:
    void redirect(Node&, CallPool::Handle&, const ErrorReply&) noexcept override {}

    void up(Node& node) noexcept override {
        if (&node == &sentinels_) {
            poll_.start(0);
            return;
        }
        losses_ = 0;
        if (early_.open()) {
            deliver();
        }
    }

    void deliver() noexcept {
        early_.deliver([this](CallPool::Handle& call, std::uint16_t) noexcept {
            try {
                static_cast<void>(master_.take_over(call, false));
            } catch (const std::bad_alloc&) {
                // the call fails
            }
        });
    }

    void down(Node& node) noexcept override {
        if (early_.open() && (&node == &master_ || !master_is_known())) {
            early_.fail();
        }
        if (&node != &master_) {
            return;
        }
        if (++losses_ % kPatience == 0) {
            sentinels_.next_server({});
        }
        if (!hurrying_) {
            hurrying_ = true;
            poll_.start(kHurry);
        }
    }

    void ask() {
        hurrying_ = false;
        poll_.start(kPoll);
        if (!waiting()) {
            // If no sentinel is there: the next one that is will be asked at once.
            static_cast<void>(sentinels_.command(
                {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", context_.options.master}, this));
        }
    }

    void answered(const Reply& reply) noexcept override {
        try {
            const auto address = parse_master_address(reply);
            if (address) {
                follow(*address);
                return;
            }
            sentinels_.next_server(address.error() == SentinelError::unknown_master
                                       ? "it does not know the master"
                                       : "its answer names no master");
        } catch (const std::bad_alloc&) {
            // asked again at the next poll
        }
    }

    // The connection's end, or the refusal, has been reported.
    void failed(Failure failure) noexcept override {
        if (failure == Failure::refused) {
            sentinels_.next_server("it refuses to name the master");
        }
    }

    bool master_is_known() const noexcept { return !master_address_.host.empty(); }

    void follow(const Address& address) {
        if (address == master_address_) {
            return;
        }
        std::vector<Server> servers(1, server_at(address));
        ngx_log_error(NGX_LOG_NOTICE, context_.log, 0, "redis \"%*s\": master \"%*s\" is %*s",
                      context_.options.name.size(), context_.options.name.data(),
                      context_.options.master.size(), context_.options.master.data(),
                      servers[0].name.size(), servers[0].name.data());
        master_address_ = address;
        master_.move_to(std::move(servers));
    }

    Context context_;
    EarlyCalls early_;  // before the master is there
    ngx::Timer poll_;
    bool hurrying_ = false;
    unsigned losses_ = 0;  // of the master, in turn
    Node sentinels_;
    Node master_;
    Address master_address_;
};

}  // namespace

std::unique_ptr<Client> make_sentinel_client(const Options& options,
                                             std::span<const Script* const> scripts,
                                             ngx_log_t* log) {
    return std::make_unique<SentinelClient>(options, scripts, log);
}

}  // namespace gatehouse::redis
