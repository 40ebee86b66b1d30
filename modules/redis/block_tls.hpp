#pragma once

#include <optional>
#include <string>

#include "ngx/conf.hpp"

namespace gatehouse::redis {

// The values of tls_ca, tls_certificate and tls_certificate_key; empty: not given.
struct TlsFiles {
    std::string ca;
    std::string certificate;
    std::string key;
};

// A context for connections to servers, of TLS 1.2 and later, that lives as long as the cycle.
// Without tls_ca the system's authorities are trusted. Null after logging what is wrong.
// Throws std::bad_alloc.
ngx_ssl_t* make_tls_context(ngx_conf_t* cf, const TlsFiles& files);

}  // namespace gatehouse::redis
