#include "redis/node.hpp"

#include <new>
#include <utility>

namespace gatehouse::redis {
namespace {

// A connection that lived for so long was a good one: the next may be tried at once.
constexpr ngx_msec_t kGoodLife = 1000;

std::uint32_t random_number() noexcept {
    // random() gives 31 bits.
    return static_cast<std::uint32_t>(ngx_random()) << 1U | (ngx_random() >> 30U & 1U);
}

}  // namespace

Node::Node(Context& context, Owner& owner, Purpose purpose, std::vector<Server> servers)
    : context_(context),
      owner_(owner),
      purpose_(purpose),
      servers_(std::move(servers)),
      retry_(*this, ngx::calls<&Node::attempt>, context.log, ngx::AtExit::drop),
      resolution_(*this),
      connection_(*this, context.calls,
                  {.connect = context.options.connect_timeout, .answer = context.options.timeout},
                  context.log) {}

bool Node::usable() const noexcept {
    // Only the first attempt is waited for: later ones find out whether the server is there, and
    // meanwhile it is taken to be away.
    const bool connected = connection_.ready() || (!connection_.closed() && failures_ == 0);
    return connected && breaker_.lets_pass(ngx_current_msec);
}

Failure Node::call(const Script& script, std::span<const std::string_view> keys,
                   std::span<const std::string_view> arguments, Waiter* waiter) {
    if (!usable()) {
        return Failure::down;
    }
    CallPool::Handle call = context_.calls.take();
    call->command = Command::evalsha(script, keys, arguments);
    call->script = &script;
    return submit(call, waiter);
}

Failure Node::command(std::initializer_list<std::string_view> words, Waiter* waiter) {
    if (!ready()) {
        return Failure::down;
    }
    CallPool::Handle call = context_.calls.take();
    call->command.emplace(words);
    return submit(call, waiter);
}

Failure Node::submit(CallPool::Handle& call, Waiter* waiter) {
    if (connection_.pending() >= context_.options.max_pending) {
        return Failure::full;
    }
    call->deadline = connection_.deadline();
    Call& submitted = *call;
    connection_.submit(call);
    submitted.attach(waiter);
    if (submitted.script != nullptr && breaker_.is_open()) {
        submitted.probe = true;
        breaker_.probe(ngx_current_msec, random_number());
    }
    return Failure::none;
}

void Node::attempt() noexcept {
    if (!addresses_.empty()) {
        connect();
        return;
    }
    try {
        find_addresses();
    } catch (const std::bad_alloc&) {
        failed("out of memory");
    }
}

// A name is resolved anew for each attempt: nginx's resolver remembers it for as long as it holds.
void Node::find_addresses() {
    const Server& wanted = server();
    const auto address = wanted.port == 0 ? ngx::unix_address(wanted.host)
                                          : ngx::parse_address(wanted.host, wanted.port);
    if (address) {
        resolved({*address});
    } else if (wanted.port == 0) {
        failed("the path is too long");
    } else {
        resolution_.start(context_.options.resolver, context_.options.resolver_timeout, wanted.host,
                          wanted.port);
    }
}

void Node::resolved(std::vector<ngx::Address> addresses) noexcept {
    if (addresses.empty()) {
        failed(resolution_.reason());
        return;
    }
    addresses_ = std::move(addresses);
    address_ = 0;
    connect();
}

void Node::connect() noexcept {
    try {
        const std::optional<Tls>& tls = context_.options.tls;
        ngx::TlsPeer peer{};
        if (tls) {
            peer = {tls->context, tls->name.empty() ? server().host : tls->name};
        }
        if (!connection_.connect(addresses_[address_], tls ? &peer : nullptr, handshake())) {
            failed(connection_.reason());
        }
    } catch (const std::bad_alloc&) {
        failed("out of memory");
    }
}

Server server_at(const Address& address) {
    const bool v6 = address.host.find(':') != std::string::npos;
    Server server;
    server.host = address.host;
    server.port = address.port;
    server.name = v6 ? '[' + address.host + ']' : address.host;
    server.name.append(":").append(std::to_string(address.port));
    return server;
}

HandshakeOptions Node::handshake() const noexcept {
    const Options& options = context_.options;
    if (purpose_ == Purpose::sentinel) {
        return {};
    }
    HandshakeOptions wanted;
    wanted.username = options.username;
    wanted.password = options.password;
    wanted.database = options.database;
    wanted.scripts = context_.scripts;
    if (purpose_ == Purpose::calls_of_master) {
        wanted.role = Role::master;
    }
    return wanted;
}

void Node::ready(std::string_view problem) noexcept {
    ready_since_ = ngx_current_msec;
    tried_ = 0;
    if (std::exchange(logged_down_, false)) {
        log(NGX_LOG_NOTICE, server_ == down_server_ ? "is up again" : "is used instead");
    }
    if (!problem.empty() && refusal_gate_.open()) {
        log(NGX_LOG_WARN, "is up, but", problem);
    }
    owner_.up(*this);
}

void Node::ended(Failure failure, std::string_view reason, bool was_ready) noexcept {
    if (!was_ready) {
        failed(reason);
        return;
    }
    addresses_.clear();
    log_down(reason);
    const bool good = ngx_current_msec - ready_since_ >= kGoodLife;
    if (good) {
        failures_ = 0;
        backoff_.reset();
    }
    if (good && failure == Failure::lost) {
        retry_.start(0);
    } else {
        ++failures_;
        retry_.start(static_cast<ngx_msec_t>(backoff_.next(random_number()).count()));
    }
    owner_.down(*this);
}

void Node::failed(std::string_view reason) noexcept {
    ++failures_;
    log_down(reason);
    const bool more = ++address_ < addresses_.size() || advance();
    retry_.start(more ? 0 : static_cast<ngx_msec_t>(backoff_.next(random_number()).count()));
    owner_.down(*this);
}

// To the next server; false: all of them have been tried in vain.
bool Node::advance() noexcept {
    addresses_.clear();
    server_ = (server_ + 1) % servers_.size();
    tried_ = (tried_ + 1) % servers_.size();
    return tried_ != 0;
}

void Node::next_server(std::string_view reason) noexcept {
    if (!ready()) {
        return;  // one is being looked for anyway
    }
    if (!reason.empty() && refusal_gate_.open()) {
        log(NGX_LOG_ERR, "is of no use:", reason);
    }
    leave();
    advance();
}

// Without calling it down: it is not.
void Node::leave() noexcept { connection_.give_up(Failure::lost, {}); }

// Once per outage and reason: the first is often no more than that the connection has gone.
void Node::log_down(std::string_view reason) noexcept {
    const auto hash = std::hash<std::string_view>()(reason);
    if (reason.empty() || (logged_down_ && hash == down_reason_) || !down_gate_.open()) {
        return;
    }
    logged_down_ = true;
    down_reason_ = hash;
    down_server_ = server_;
    log(NGX_LOG_ERR, "is down:", reason);
}

void Node::log(ngx_uint_t level, std::string_view what, std::string_view detail) const noexcept {
    const std::string_view block = context_.options.name;
    const std::string_view name = server().name;
    const std::string_view space = detail.empty() ? "" : " ";
    ngx_log_error(level, context_.log, 0, "redis \"%*s\": server %*s %*s%*s%*s", block.size(),
                  block.data(), name.size(), name.data(), what.size(), what.data(), space.size(),
                  space.data(), detail.size(), detail.data());
}

void Node::probe_answered() noexcept { breaker_.close(); }

void Node::refused(CallPool::Handle call, std::string_view error) noexcept {
    const ErrorReply reply = classify(error);
    if (reply.error_class == ErrorClass::no_script) {
        repeat_with_text(call);
    } else if (reply.redirect) {
        owner_.redirect(*this, call, reply);
    }
    if (call) {
        punish(reply.error_class, error, call->script == nullptr);
        fail(std::move(call), Failure::refused);
    }
}

void Node::repeat_with_text(CallPool::Handle& call) noexcept {
    if (call->script == nullptr || !call->eval.empty()) {
        return;
    }
    try {
        call->eval = as_eval(call->command->view(), *call->script);
        connection_.submit(call);
    } catch (const std::bad_alloc&) {
        // the call fails
    }
}

// `own`: the call was the client's own, which it can do without, as long as others get through.
void Node::punish(ErrorClass error_class, std::string_view error, bool own) noexcept {
    const Consequence what = consequence(error_class);
    if (what.open_breaker && !own) {
        breaker_.trip(ngx_current_msec, random_number());
    }
    if ((!own || what.give_up) && refusal_gate_.open()) {
        try {
            log(NGX_LOG_ERR, "refuses calls:", loggable(error));
        } catch (const std::bad_alloc&) {
            // the line is lost
        }
    }
    if (what.give_up) {
        connection_.give_up(Failure::lost, "it refuses calls");
    }
}

Failure Node::take_over(CallPool::Handle& call, bool ask) {
    if (!usable()) {
        return Failure::down;
    }
    if (connection_.pending() >= context_.options.max_pending) {
        return Failure::full;
    }
    call->probe = false;  // it was another node's
    if (!ask) {
        connection_.submit(call);
        return Failure::none;
    }
    CallPool::Handle asking = context_.calls.take();
    asking->command = Command{"ASKING"};
    asking->deadline = call->deadline;
    connection_.submit(asking, call);
    return Failure::none;
}

void Node::move_to(std::vector<Server> servers) noexcept {
    leave();
    logged_down_ = false;
    resolution_.cancel();
    servers_ = std::move(servers);
    server_ = 0;
    tried_ = 0;
    addresses_.clear();
    failures_ = 0;
    backoff_.reset();
    breaker_.close();
    retry_.start(0);
}

}  // namespace gatehouse::redis
