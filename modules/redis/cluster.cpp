#include "redis/cluster.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "redis/core/slots.hpp"
#include "redis/early_calls.hpp"
#include "redis/node.hpp"

namespace gatehouse::redis {
namespace {

constexpr ngx_msec_t kRefresh = 30000;     // how often the map is asked for in any case
constexpr ngx_msec_t kMinRefresh = 1000;   // and how often at most
constexpr std::uint8_t kMaxRedirects = 3;  // of one call

bool is_at(const Node& node, const Address& address) noexcept {
    return node.server().host == address.host && node.server().port == address.port;
}

class ClusterClient final : public Client, public Node::Owner, private Waiter {
  public:
    ClusterClient(const Options& options, std::span<const Script* const> scripts, ngx_log_t* log)
        : context_(options, scripts, log),
          early_(context_),
          refresh_(*this, ngx::calls<&ClusterClient::refresh>, log, ngx::AtExit::drop),
          seeds_(context_, *this, Node::Purpose::calls, options.servers) {
        seeds_.start();
    }

    bool usable(std::string_view key) const noexcept override {
        if (!map_) {
            return early_.open() && seeds_.usable();
        }
        const auto index = index_of(key);
        // A node that was not needed yet will be connected to.
        return index && (by_index_[*index] == nullptr || by_index_[*index]->usable());
    }

    bool together(std::string_view key, std::string_view other) const noexcept override {
        return key_slot(key) == key_slot(other);
    }

    Failure call(const Script& script, std::span<const std::string_view> keys,
                 std::span<const std::string_view> arguments, Waiter* waiter) override {
        if (!map_) {
            return usable(keys.front()) ? early_.add(script, keys, arguments, waiter)
                                        : Failure::down;
        }
        const auto index = index_of(keys.front());
        return index ? node(*index).call(script, keys, arguments, waiter) : Failure::down;
    }

  private:
    // Requires a map.
    std::optional<std::size_t> index_of(std::string_view key) const noexcept {
        return map_->node_of(key_slot(key));
    }

    // The node of an index in the map; connects to it if it is needed for the first time.
    Node& node(std::size_t index) {
        Node*& known = by_index_[index];
        if (known == nullptr) {
            known = &node_at(map_->nodes()[index]);
        }
        return *known;
    }

    Node* find(const Address& address) const noexcept {
        const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                        [&](const auto& node) { return is_at(*node, address); });
        return found != nodes_.end() ? found->get() : nullptr;
    }

    Node& node_at(const Address& address) {
        if (Node* known = find(address)) {
            return *known;
        }
        nodes_.push_back(std::make_unique<Node>(context_, *this, Node::Purpose::calls,
                                                std::vector<Server>(1, server_at(address))));
        nodes_.back()->start();
        return *nodes_.back();
    }

    void redirect(Node& from, CallPool::Handle& call, const ErrorReply& error) noexcept override {
        if (!map_ || call->redirects == kMaxRedirects || nodes_.size() >= kMaxNodes) {
            return;
        }
        ++call->redirects;
        const bool ask = error.error_class == ErrorClass::ask;
        const Redirect& to = *error.redirect;
        try {
            const Address address{to.host.empty() ? from.server().host : std::string(to.host),
                                  to.port};
            if (!ask) {
                move_slot(to.slot, address);
            }
            // A call that is not taken fails as one that was refused.
            static_cast<void>(node_at(address).take_over(call, ask));
        } catch (const std::bad_alloc&) {
            // the call fails
        }
    }

    void move_slot(std::uint16_t slot, const Address& address) {
        by_index_.reserve(map_->nodes().size() + 1);  // so that the two cannot get out of step
        map_->assign(slot, address);
        by_index_.resize(map_->nodes().size(), nullptr);
        want_map();
    }

    void up(Node& node) noexcept override {
        if (&node == &seeds_) {
            want_map();
        }
    }

    // Perhaps another has taken its place.
    void down(Node& node) noexcept override {
        if (&node != &seeds_) {
            want_map();
        } else if (early_.open()) {
            early_.fail();
        }
    }

    void want_map() noexcept {
        if (wanted_) {
            return;
        }
        wanted_ = true;
        const ngx_msec_t age = ngx_current_msec - asked_at_;
        refresh_.start(map_ && age < kMinRefresh ? kMinRefresh - age : 0);
    }

    void refresh() {
        wanted_ = false;
        asked_at_ = ngx_current_msec;
        refresh_.start(kRefresh);
        sweep();
        if (waiting()) {
            return;
        }
        if (Node* node = someone()) {
            asked_ = node->server().host;
            // If it fails: the next one that comes up will be asked.
            static_cast<void>(node->command({"CLUSTER", "SLOTS"}, this));
        }
    }

    Node* someone() noexcept {
        if (seeds_.ready()) {
            return &seeds_;
        }
        const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                        [](const auto& node) { return node->ready(); });
        return found != nodes_.end() ? found->get() : nullptr;
    }

    // Nodes that have left the cluster are kept until their last call is over. From the timer only:
    // nobody is inside one of their functions then.
    void sweep() noexcept {
        std::erase_if(nodes_,
                      [this](const auto& node) { return node->pending() == 0 && !in_map(*node); });
    }

    bool in_map(const Node& node) const noexcept {
        const auto nodes = map_ ? map_->nodes() : std::span<const Address>();
        return std::any_of(nodes.begin(), nodes.end(),
                           [&](const Address& address) { return is_at(node, address); });
    }

    void answered(const Reply& reply) noexcept override {
        try {
            auto map = SlotMap::parse(reply, asked_);
            if (!map) {
                seeds_.next_server("its answer is no map of a cluster");
                return;
            }
            std::vector<Node*> by_index;
            by_index.reserve(map->nodes().size());
            for (const Address& address : map->nodes()) {
                by_index.push_back(find(address));
            }
            map_ = std::move(map);
            by_index_ = std::move(by_index);
            if (!map_->complete()) {
                want_map();  // of a cluster that is being formed: nobody else tells when it is
            }
            if (early_.open()) {
                deliver();
            }
        } catch (const std::bad_alloc&) {
            // the old map stays
        }
    }

    void deliver() noexcept {
        early_.deliver([this](CallPool::Handle& call, std::uint16_t slot) noexcept {
            try {
                if (const auto index = map_->node_of(slot)) {
                    static_cast<void>(node(*index).take_over(call, false));
                }
            } catch (const std::bad_alloc&) {
                // the call fails
            }
        });
    }

    void failed(Failure failure) noexcept override {
        if (failure == Failure::refused) {
            seeds_.next_server("it refuses to show the map of the cluster");
        }
    }

    Context context_;
    EarlyCalls early_;  // before the first map
    ngx::Timer refresh_;
    bool wanted_ = false;  // sooner than kRefresh
    ngx_msec_t asked_at_ = 0;
    std::string asked_;  // the host that was asked
    Node seeds_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::optional<SlotMap> map_;
    std::vector<Node*> by_index_;  // of map_->nodes(); null: not needed yet
};

}  // namespace

std::unique_ptr<Client> make_cluster_client(const Options& options,
                                            std::span<const Script* const> scripts,
                                            ngx_log_t* log) {
    return std::make_unique<ClusterClient>(options, scripts, log);
}

}  // namespace gatehouse::redis
