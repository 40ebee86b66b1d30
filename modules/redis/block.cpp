#include "redis/block.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "ngx/file.hpp"
#include "redis/block_server.hpp"
#include "redis/block_tls.hpp"
#include "redis/core/address.hpp"

namespace gatehouse::redis {
namespace {

constexpr std::uint16_t kRedisPort = 6379;
constexpr std::uint16_t kSentinelPort = 26379;
constexpr std::size_t kMaxSecretFile = 4096;
constexpr std::size_t kMinIdentitySecret = 16;
constexpr ngx_msec_t kResolverTimeout = 30'000;  // nginx's default

using Places = std::vector<std::pair<std::string, ngx::ConfPlace>>;

// A block while it is being read. What depends on several directives, which may come in any order,
// is settled at the end.
struct Block {
    Options& options;
    Places servers = {};  // by what is written
    Places given = {};    // by name: the other directives
    bool tls = false;
    TlsFiles tls_files = {};
    std::string tls_name = {};

    // Null: not given.
    const ngx::ConfPlace* place_of(std::string_view name) const noexcept {
        const auto found = std::find_if(given.begin(), given.end(),
                                        [name](const auto& one) { return one.first == name; });
        return found == given.end() ? nullptr : &found->second;
    }
};

std::string quoted(std::string_view text) { return std::string("\"").append(text).append("\""); }

void drop_newline(std::string& text) {
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    if (text.ends_with('\r')) {
        text.pop_back();
    }
}

// Reads the file that the directive names. The secret itself is never named.
ngx::ConfResult read_secret(const ngx::Directive& directive, std::size_t least,
                            std::string& secret) {
    const std::string path = ngx::full_name(directive.cf(), directive.arg(0));
    auto file = ngx::read_file(path, kMaxSecretFile);
    if (!file.problem.empty()) {
        return directive.error(file.problem);
    }
    drop_newline(file.content);
    if (file.content.empty()) {
        return directive.error(quoted(path) + " is empty");
    }
    if (file.content.size() < least) {
        return directive.error(quoted(path) + " is too short; " + std::to_string(least) +
                               " bytes are the least");
    }
    secret = std::move(file.content);
    return ngx::kConfOk;
}

ngx::ConfResult set_server(const ngx::Directive& directive, Block& block) {
    block.servers.emplace_back(directive.arg(0), directive.place());
    return ngx::kConfOk;
}

ngx::ConfResult set_topology(const ngx::Directive& directive, Block& block) {
    const std::string_view word = directive.arg(0);
    if (word == "single") {
        block.options.topology = Topology::single;
    } else if (word == "cluster") {
        block.options.topology = Topology::cluster;
    } else if (word == "sentinel") {
        block.options.topology = Topology::sentinel;
    } else {
        return directive.invalid_value(word);
    }
    const bool named = directive.args().size() == 2;
    if (block.options.topology != Topology::sentinel) {
        return named ? directive.invalid_parameter(directive.arg(1)) : ngx::kConfOk;
    }
    if (!named) {
        return directive.error("\"topology sentinel\" needs \"master\" parameter");
    }
    const auto master = ngx::named_value(directive.arg(1), "master");
    if (!master || master->empty()) {
        return directive.invalid_parameter(directive.arg(1));
    }
    block.options.master = *master;
    return ngx::kConfOk;
}

ngx::ConfResult set_password_file(const ngx::Directive& directive, Block& block) {
    std::string& password = block.options.password;
    const ngx::ConfResult result = read_secret(directive, 1, password);
    if (result == ngx::kConfOk && password.find('\0') != std::string::npos) {
        return directive.error(quoted(ngx::full_name(directive.cf(), directive.arg(0))) +
                               " holds a NUL octet");
    }
    return result;
}

ngx::ConfResult set_password_env(const ngx::Directive& directive, Block& block) {
    const std::string name(directive.arg(0));
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') {
        return directive.error("environment variable " + quoted(name) +
                               (value == nullptr ? " is not set" : " is empty"));
    }
    ngx::keep_environment(directive.cf(), name);
    block.options.password = value;
    return ngx::kConfOk;
}

ngx::ConfResult set_identity_secret(const ngx::Directive& directive, Block& block) {
    return read_secret(directive, kMinIdentitySecret, block.options.identity_secret);
}

ngx::ConfResult set_database(const ngx::Directive& directive, Block& block) {
    const auto database = ngx::parse_number(directive.arg(0));
    if (!database) {
        return directive.invalid_value(directive.arg(0));
    }
    block.options.database = *database;
    return ngx::kConfOk;
}

ngx::ConfResult set_tls(const ngx::Directive& directive, Block& block) {
    block.tls = directive.arg(0) == "on";
    return block.tls || directive.arg(0) == "off"
               ? ngx::kConfOk
               : directive.invalid_value(directive.arg(0), "it must be \"on\" or \"off\"");
}

ngx::ConfResult set_tls_name(const ngx::Directive& directive, Block& block) {
    if (!valid_host(directive.arg(0))) {
        return directive.invalid_value(directive.arg(0));
    }
    block.tls_name = directive.arg(0);
    return ngx::kConfOk;
}

ngx::ConfResult set_max_pending(const ngx::Directive& directive, Block& block) {
    const auto calls = ngx::parse_number(directive.arg(0));
    if (!calls || *calls == 0) {
        return directive.invalid_value(directive.arg(0));
    }
    block.options.max_pending = *calls;
    return ngx::kConfOk;
}

ngx::ConfResult set_prefix(const ngx::Directive& directive, Block& block) {
    block.options.prefix = directive.complex(directive.arg(0));
    return block.options.prefix != nullptr ? ngx::kConfOk : ngx::kConfError;
}

ngx::ConfResult set_username(const ngx::Directive& directive, Block& block) {
    if (directive.arg(0).empty()) {
        return directive.invalid_value("");
    }
    block.options.username = directive.arg(0);
    return ngx::kConfOk;
}

template <auto Member>
ngx::ConfResult set_time(const ngx::Directive& directive, Block& block) {
    const auto time = ngx::parse_milliseconds(directive.arg(0));
    if (!time || *time == 0) {
        return directive.invalid_value(directive.arg(0));
    }
    block.options.*Member = *time;
    return ngx::kConfOk;
}

template <auto Member>
ngx::ConfResult set_tls_file(const ngx::Directive& directive, Block& block) {
    if (directive.arg(0).empty()) {
        return directive.invalid_value("");
    }
    block.tls_files.*Member = directive.arg(0);
    return ngx::kConfOk;
}

struct Entry {
    std::string_view name;
    std::size_t most;  // arguments; one is the least
    ngx::ConfResult (*set)(const ngx::Directive& directive, Block& block);
};

constexpr Entry kEntries[] = {
    {"server", 1, set_server},
    {"topology", 2, set_topology},
    {"username", 1, set_username},
    {"password_file", 1, set_password_file},
    {"password_env", 1, set_password_env},
    {"database", 1, set_database},
    {"tls", 1, set_tls},
    {"tls_ca", 1, set_tls_file<&TlsFiles::ca>},
    {"tls_certificate", 1, set_tls_file<&TlsFiles::certificate>},
    {"tls_certificate_key", 1, set_tls_file<&TlsFiles::key>},
    {"tls_name", 1, set_tls_name},
    {"connect_timeout", 1, set_time<&Options::connect_timeout>},
    {"timeout", 1, set_time<&Options::timeout>},
    {"max_pending", 1, set_max_pending},
    {"prefix", 1, set_prefix},
    {"identity_secret_file", 1, set_identity_secret},
};

ngx::ConfResult read_entry(const ngx::Directive& directive, Block& block) {
    const auto* entry =
        std::find_if(std::begin(kEntries), std::end(kEntries),
                     [&](const Entry& one) { return one.name == directive.name(); });
    if (entry == std::end(kEntries)) {
        return directive.error("unknown directive " + quoted(directive.name()));
    }
    if (directive.args().empty() || directive.args().size() > entry->most) {
        return directive.error("invalid number of arguments in " + quoted(entry->name) +
                               " directive");
    }
    if (entry->set == set_server) {
        return set_server(directive, block);
    }
    if (block.place_of(entry->name) != nullptr) {
        return directive.error(quoted(entry->name) + " directive is duplicate");
    }
    block.given.emplace_back(entry->name, directive.place());
    return entry->set(directive, block);
}

// What nginx calls for each directive of the block.
char* handle(ngx_conf_t* cf, ngx_command_t* command, void* conf) {
    const ngx::Directive directive(cf);
    if (directive.name() == "include" && directive.args().size() == 1) {
        return ngx_conf_include(cf, command, conf);
    }
    return const_cast<char*>(read_entry(directive, *static_cast<Block*>(conf)));
}

ngx::ConfResult fail(ngx_conf_t* cf, const ngx::ConfPlace& place, std::string_view text) {
    ngx::log_conf_error(cf, place, text);
    return ngx::kConfError;
}

ngx::ConfResult add_servers(ngx_conf_t* cf, const Block& block) {
    Options& options = block.options;
    if (block.servers.empty()) {
        return fail(cf, options.place, "no \"server\" in redis " + quoted(options.name));
    }
    const auto port = options.topology == Topology::sentinel ? kSentinelPort : kRedisPort;
    for (const auto& [text, place] : block.servers) {
        auto [server, problem] = parse_server(cf, text, port);
        if (!problem.empty()) {
            return fail(cf, place, problem);
        }
        for (const Server& other : options.servers) {
            if (other.host == server.host && other.port == server.port) {
                return fail(cf, place, "duplicate server " + quoted(text));
            }
        }
        if (is_unix(server) && options.topology == Topology::cluster) {
            return fail(cf, place, "a unix domain socket cannot be used with \"topology cluster\"");
        }
        if (is_unix(server) && block.tls) {
            return fail(cf, place, "a unix domain socket cannot be used with \"tls on\"");
        }
        server.place = place;
        options.servers.push_back(std::move(server));
    }
    return ngx::kConfOk;
}

ngx::ConfResult check_access(ngx_conf_t* cf, const Block& block) {
    const ngx::ConfPlace* file = block.place_of("password_file");
    const ngx::ConfPlace* variable = block.place_of("password_env");
    if (file != nullptr && variable != nullptr) {
        return fail(cf, *variable, "\"password_env\" cannot be used with \"password_file\"");
    }
    const ngx::ConfPlace* username = block.place_of("username");
    if (username != nullptr && file == nullptr && variable == nullptr) {
        return fail(cf, *username, "\"username\" needs \"password_file\" or \"password_env\"");
    }
    if (block.options.topology == Topology::cluster && block.options.database != 0) {
        return fail(cf, *block.place_of("database"),
                    "\"database\" cannot be used with \"topology cluster\"");
    }
    return ngx::kConfOk;
}

ngx::ConfResult check_tls(ngx_conf_t* cf, const Block& block) {
    const ngx::ConfPlace* certificate = block.place_of("tls_certificate");
    const ngx::ConfPlace* key = block.place_of("tls_certificate_key");
    if (!block.tls) {
        for (const char* name : {"tls_ca", "tls_certificate", "tls_certificate_key", "tls_name"}) {
            if (const ngx::ConfPlace* place = block.place_of(name)) {
                return fail(cf, *place, quoted(name) + " needs \"tls on\"");
            }
        }
        return ngx::kConfOk;
    }
    if (certificate != nullptr && key == nullptr) {
        return fail(cf, *certificate, "\"tls_certificate\" needs \"tls_certificate_key\"");
    }
    if (key != nullptr && certificate == nullptr) {
        return fail(cf, *key, "\"tls_certificate_key\" needs \"tls_certificate\"");
    }
    ngx_ssl_t* context = make_tls_context(cf, block.tls_files);
    if (context == nullptr) {
        return ngx::kConfError;
    }
    block.options.tls = Tls{context, block.tls_name};
    return ngx::kConfOk;
}

void warn_of_plaintext(ngx_conf_t* cf, const Options& options) {
    if (options.tls) {
        return;
    }
    for (const Server& server : options.servers) {
        if (!is_local(server)) {
            ngx::log_conf_warning(cf, server.place,
                                  "connections to redis " + quoted(server.name) +
                                      " are not encrypted; set \"tls on\"");
        }
    }
}

}  // namespace

ngx::ConfResult read_block(ngx::Directive& directive, Options& options) {
    ngx_conf_t* cf = directive.cf();
    options.name = directive.arg(0);
    options.place = directive.place();
    Block block{.options = options};

    const ngx_conf_t outer = *cf;
    cf->handler = ngx::guard<ngx::OnThrow::conf_error, handle>;
    cf->handler_conf = &block;
    const ngx::ConfResult parsed = ngx_conf_parse(cf, nullptr);
    *cf = outer;
    if (parsed != ngx::kConfOk) {
        return parsed;
    }

    for (const auto check : {check_access, add_servers, check_tls}) {
        if (const ngx::ConfResult result = check(cf, block); result != ngx::kConfOk) {
            return result;
        }
    }
    warn_of_plaintext(cf, options);
    return ngx::kConfOk;
}

ngx::ConfResult finish(ngx_conf_t* cf, Options& options) {
    const ngx_http_core_loc_conf_t& core = ngx::core_location(cf);
    // nginx makes an empty resolver where the configuration has none.
    if (core.resolver != nullptr && core.resolver->connections.nelts > 0) {
        options.resolver = core.resolver;
        options.resolver_timeout =
            core.resolver_timeout != NGX_CONF_UNSET_MSEC ? core.resolver_timeout : kResolverTimeout;
        return ngx::kConfOk;
    }
    for (const Server& server : options.servers) {
        if (!has_address(server)) {
            return fail(cf, server.place, "no resolver defined to resolve " + quoted(server.host));
        }
    }
    return ngx::kConfOk;
}

}  // namespace gatehouse::redis
