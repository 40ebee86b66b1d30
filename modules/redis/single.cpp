#include "redis/single.hpp"

#include "redis/node.hpp"

namespace gatehouse::redis {
namespace {

class SingleClient final : public Client, public Node::Owner {
  public:
    SingleClient(const Options& options, std::span<const Script* const> scripts, ngx_log_t* log)
        : context_(options, scripts, log),
          node_(context_, *this, Node::Purpose::calls, options.servers) {
        node_.start();
    }

    bool usable(std::string_view) const noexcept override { return node_.usable(); }
    bool together(std::string_view, std::string_view) const noexcept override { return true; }

    Failure call(const Script& script, std::span<const std::string_view> keys,
                 std::span<const std::string_view> arguments, Waiter* waiter) override {
        return node_.call(script, keys, arguments, waiter);
    }

  private:
    // A cluster's server, configured as a single one: the call fails as others that are refused.
    void redirect(Node&, CallPool::Handle&, const ErrorReply&) noexcept override {}
    void up(Node&) noexcept override {}
    void down(Node&) noexcept override {}

    Context context_;
    Node node_;
};

}  // namespace

std::unique_ptr<Client> make_single_client(const Options& options,
                                           std::span<const Script* const> scripts, ngx_log_t* log) {
    return std::make_unique<SingleClient>(options, scripts, log);
}

}  // namespace gatehouse::redis
