#include "connection_limit/report.hpp"

#include <jansson.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string>

#include "connection_limit/conf.hpp"
#include "connection_limit/directives.hpp"
#include "connection_limit/module.hpp"
#include "ngx/clock.hpp"
#include "ngx/response.hpp"

namespace gatehouse::connection_limit {
namespace {

// What is said of a zone is bounded, and so is the time that its lock is kept from the others.
constexpr std::size_t kMostBans = 1000;
constexpr std::size_t kSlotsPerLock = 64;

using Json = std::unique_ptr<json_t, decltype([](json_t* value) { json_decref(value); })>;

Json checked(json_t* value) {
    if (value == nullptr) {
        throw std::bad_alloc();
    }
    return Json(value);
}

void set(json_t* object, std::string_view name, Json value) {
    if (json_object_set_new_nocheck(object, std::string(name).c_str(), value.release()) != 0) {
        throw std::bad_alloc();
    }
}

Json number(std::uint64_t value) { return checked(json_integer(static_cast<json_int_t>(value))); }

// A configuration may have octets that are no UTF-8, which JSON cannot say.
Json text(std::string_view value) {
    json_t* made = json_stringn(value.data(), value.size());
    return made != nullptr ? Json(made) : checked(json_string(""));
}

// Texts are not kept: they may be secrets.
std::string name_of(const Bans::Ban& ban, const Zone& zone) {
    if (ban.length != 0) {
        return base::address_text({ban.subject.data(), ban.length}, zone.ipv6_prefix);
    }
    const auto digits = base::to_hex(ban.key);
    return {digits.data(), digits.size()};
}

void add_bans(json_t* list, Zone& zone) {
    const std::int64_t now = ngx::turn_microseconds();
    const std::size_t slots = zone.bans().capacity();
    for (std::size_t begin = 0; begin < slots && json_array_size(list) < kMostBans;
         begin += kSlotsPerLock) {
        std::array<std::optional<Bans::Ban>, kSlotsPerLock> found;
        const std::size_t count = std::min(kSlotsPerLock, slots - begin);
        {
            const ZoneLock lock(zone);
            for (std::size_t i = 0; i < count; ++i) {
                found[i] = zone.bans().ban(begin + i, now);
            }
        }
        for (const auto& ban : found) {
            if (!ban || json_array_size(list) == kMostBans) {
                continue;
            }
            Json entry = checked(json_object());
            set(entry.get(), "key", text(name_of(*ban, zone)));
            set(entry.get(), "seconds",
                number(static_cast<std::uint64_t>((ban->until - now + 999'999) / 1'000'000)));
            if (json_array_append_new(list, entry.release()) != 0) {
                throw std::bad_alloc();
            }
        }
    }
}

Json leases_of(Zone& zone) {
    std::size_t held = 0;
    {
        const ZoneLock lock(zone);
        held = zone.leases().held();
    }
    Json leases = checked(json_object());
    set(leases.get(), "held", number(held));
    set(leases.get(), "most", number(zone.leases().leases()));
    return leases;
}

Json describe(Zone& zone) {
    Json total = checked(json_object());
    for (std::size_t i = 0; i < kCounters.size(); ++i) {
        set(total.get(), kCounters[i], number(zone.counted(i)));
    }
    Json bans = checked(json_array());
    add_bans(bans.get(), zone);

    Json described = checked(json_object());
    set(described.get(), "key", text(zone.expression));
    set(described.get(), "size", number(zone.size));
    set(described.get(), "on_full", text(zone.on_full == OnFull::deny ? "deny" : "pass"));
    set(described.get(), "leases", leases_of(zone));
    set(described.get(), "total", std::move(total));
    set(described.get(), "bans", std::move(bans));
    return described;
}

std::string describe_all(MainConf& conf) {
    Json zones = checked(json_object());
    for (Zone& zone : conf.zones) {
        set(zones.get(), zone.title, describe(zone));
    }
    Json all = checked(json_object());
    set(all.get(), "zones", std::move(zones));
    const std::unique_ptr<char, decltype([](char* made) { std::free(made); })> dumped(
        json_dumps(all.get(), JSON_COMPACT));
    if (dumped == nullptr) {
        throw std::bad_alloc();
    }
    return std::string(dumped.get()) + "\n";
}

}  // namespace

ngx_int_t report(ngx_http_request_t* r) {
    if ((r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) == 0) {
        return NGX_HTTP_NOT_ALLOWED;
    }
    auto& conf =
        *static_cast<MainConf*>(r->main_conf[ngx_http_gatehouse_connection_limit_module.ctx_index]);
    ngx_http_complex_value_t body{};
    body.value = ngx::copy(r->pool, describe_all(conf));
    ngx_str_t type = ngx_string("application/json");
    ngx::add_response_header(r, "Cache-Control", "no-store");
    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &body);
}

ngx::ConfResult set_report(ngx::Directive& directive, LocConf&) {
    auto* core = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_conf_get_module_loc_conf(directive.cf(), ngx_http_core_module));
    core->handler = ngx::guard<ngx::OnThrow::internal_server_error, report>;
    return ngx::kConfOk;
}

}  // namespace gatehouse::connection_limit
