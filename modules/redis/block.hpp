#pragma once

#include "ngx/conf.hpp"
#include "redis/options.hpp"

namespace gatehouse::redis {

// Reads `directive name { ... }`: server, topology, username, password_file, password_env,
// database, tls, tls_ca, tls_certificate, tls_certificate_key, tls_name, connect_timeout, timeout,
// max_pending, prefix, identity_secret_file, include. For a directive of
// NGX_HTTP_MAIN_CONF | NGX_CONF_BLOCK | NGX_CONF_TAKE1. Reads files and the environment, but does
// not touch the network. The directive's arguments are gone afterwards.
// Throws std::bad_alloc.
ngx::ConfResult read_block(ngx::Directive& directive, Options& options);

// To be called when the http block has been read, from init_main_conf or postconfiguration: takes
// the resolver of the http level. kConfError, after logging, if a server needs one and there is
// none. Throws std::bad_alloc.
ngx::ConfResult finish(ngx_conf_t* cf, Options& options);

}  // namespace gatehouse::redis
