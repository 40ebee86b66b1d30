#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/identity.hpp"
#include "ngx/parameters.hpp"
#include "ngx/zone.hpp"

namespace gatehouse::ngx {

// For directives that define a zone: `key zone=name:size parameter ...`. A Zone has the members
// `size`, `kind` and `ipv6_prefix`, and its name in one that the caller names.

// A prefix that was given must have an address to be applied to: whoever writes it relies on it.
inline ConfResult check_ipv6_prefix(const Directive& directive, base::KeyKind kind, unsigned bits) {
    if (kind != base::KeyKind::text) {
        return kConfOk;
    }
    return directive.error("use \"$remote_addr_prefix_" + std::to_string(bits) +
                           "\" as the address in \"" + std::string(directive.arg(0)) +
                           "\" or in what it is made of; \"ipv6_prefix\" needs the key "
                           "\"$binary_remote_addr\" or \"$remote_addr\"");
}

// Reads all that stands behind the key. `mistakes` are parameters that belong elsewhere;
// `check_name(directive, zone)` has the last word on a name that was read.
template <class Zone, std::size_t N>
ConfResult read_zone_parameters(const Directive& directive,
                                const std::array<Parameter<Zone>, N>& parameters,
                                std::span<const Mistake> mistakes, std::string Zone::*name,
                                ConfResult (*check_name)(const Directive&, const Zone&),
                                Zone& zone) {
    ParameterReader reader(parameters, mistakes);
    for (const ngx_str_t& arg : directive.args().subspan(1)) {
        const std::string_view text = view(arg);
        ConfResult result = kConfOk;
        if (!named_value(text, "zone")) {
            result = reader.read(directive, text, zone);
            if (result == kConfOk && named_value(text, "ipv6_prefix")) {
                result = check_ipv6_prefix(directive, zone.kind, zone.ipv6_prefix);
            }
        } else if (!(zone.*name).empty()) {
            result = directive.duplicate_parameter("zone");
        } else if (const auto parsed = parse_zone(directive, text)) {
            zone.*name = parsed->name;
            zone.size = parsed->size;
            result = check_name(directive, zone);
        } else {
            result = kConfError;
        }
        if (result != kConfOk) {
            return result;
        }
    }
    return kConfOk;
}

// ipv6_prefix=
template <class Zone>
bool read_ipv6_prefix(std::string_view value, Zone& zone) {
    const auto bits = parse_number(value);
    if (!bits || *bits == 0 || *bits > 128) {
        return false;
    }
    zone.ipv6_prefix = static_cast<unsigned>(*bits);
    return true;
}

}  // namespace gatehouse::ngx
