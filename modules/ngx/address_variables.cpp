#include "ngx/address_variables.hpp"

#include <array>
#include <string>

#include "base/identity.hpp"
#include "ngx/pool.hpp"
#include "ngx/variable.hpp"

namespace gatehouse::ngx {
namespace {

constexpr unsigned kMostBits = 128;
constexpr std::array<std::string_view, 3> kSources{"remote_addr", "realip_remote_addr",
                                                   "proxy_protocol_addr"};

// What one of the variables is made of.
struct Network {
    ngx_str_t source;  // the name of a variable
    ngx_uint_t hash;   // of that name
    unsigned ipv6_prefix;
};

VariableValue value_of(ngx_http_request_t* r, const Network& network) {
    ngx_str_t name = network.source;
    const ngx_http_variable_value_t* value = ngx_http_get_variable(r, &name, network.hash);
    if (value == nullptr) {
        throw std::bad_alloc();
    }
    if (value->not_found) {
        return std::nullopt;
    }
    const std::string_view text(reinterpret_cast<const char*>(value->data), value->len);
    std::array<char, 17> storage;
    const std::string_view id =
        base::identity(base::KeyKind::address, text, network.ipv6_prefix, storage);
    // A peer without an address, `unix:`, stays what it is.
    return id.data() == text.data()
               ? text
               : view(copy(r->pool, base::address_text(id, network.ipv6_prefix)));
}

bool add_networks(ngx_conf_t* cf, std::string_view source) {
    const std::string prefix = std::string(source) + "_prefix_";
    // Without realip there is no $realip_remote_addr, and a sibling may have been here before.
    if (!is_provided(cf, source) || is_provided(cf, prefix + "1")) {
        return true;
    }
    const ngx_str_t name = copy(cf->pool, source);
    const ngx_uint_t hash = ngx_hash_key(name.data, name.len);
    for (unsigned bits = 1; bits <= kMostBits; ++bits) {
        const auto* object = make<Network>(cf->pool, Network{name, hash, bits});
        // Not in nginx's hash of names: it would be too small for so many.
        if (!add_variable(cf, prefix + std::to_string(bits),
                          guard<OnThrow::error, object_variable<Network, value_of>>,
                          NGX_HTTP_VAR_NOHASH, object)) {
            return false;
        }
    }
    return true;
}

}  // namespace

bool add_address_variables(ngx_conf_t* cf) {
    for (const std::string_view source : kSources) {
        if (!add_networks(cf, source)) {
            return false;
        }
    }
    return true;
}

}  // namespace gatehouse::ngx
