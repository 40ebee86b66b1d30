#include "connection_limit/access.hpp"

#include <string>

#include "connection_limit/context.hpp"
#include "connection_limit/identify.hpp"
#include "connection_limit/refusals.hpp"
#include "ngx/clock.hpp"
#include "ngx/log.hpp"

namespace gatehouse::connection_limit {
namespace {

bool bypassed(ngx_http_request_t* r, const Bypass& bypass) {
    if (bypass.addresses != nullptr &&
        ngx_cidr_match(r->connection->sockaddr, bypass.addresses) == NGX_OK) {
        return true;
    }
    for (ngx_http_complex_value_t* value : bypass.values) {
        const std::string_view text = ngx::evaluate(r, value);
        if (!text.empty() && text != "0") {
            return true;
        }
    }
    return false;
}

ngx_int_t refuse(ngx_http_request_t* r, const LocConf& conf, RequestState& state, Status status,
                 std::string_view what, const Zone& zone) {
    const std::string text =
        std::string(what) + (conf.dry_run ? ", dry run" : "") + " by zone \"" + zone.title + "\"";
    ngx::log(conf.log_level, r->connection->log, text, "");
    // What this request was given so far it gives back: nobody is to pay for a refusal.
    state.leases.clear();
    if (conf.dry_run) {
        state.status = status == Status::banned ? Status::banned_dry_run : Status::rejected_dry_run;
        return NGX_DECLINED;
    }
    state.status = status;
    return static_cast<ngx_int_t>(conf.status);
}

// Whether the key may not come in at all, whatever it holds.
bool is_banned(ngx_http_request_t* r, Zone& zone) {
    const auto key = identify(r, zone);
    if (!key) {
        return false;
    }
    const ngx::ZoneLock lock(zone);
    return zone.bans().until(*key, ngx::monotonic_microseconds()) != 0;
}

// Nothing: goes on.
std::optional<ngx_int_t> check_bans(ngx_http_request_t* r, const LocConf& conf,
                                    RequestState& state) {
    for (const BanLimit& ban : conf.bans) {
        const auto action = listed(srv_conf(r).lists, *ban.zone, r->connection->sockaddr);
        if (action == Action::allow) {
            continue;
        }
        if (action == Action::deny || is_banned(r, *ban.zone)) {
            ban.zone->count(Counter::banned);
            return refuse(r, conf, state, Status::banned, "access forbidden", *ban.zone);
        }
    }
    return std::nullopt;
}

// Takes the lease that `limit` asks for. True: refused.
bool count(ngx_http_request_t* r, const Limit& limit, RequestState& state) {
    Zone& zone = *limit.zone;
    const auto key = identify(r, zone);
    if (!key) {
        return false;
    }
    if (limit.by == By::request) {
        Lease lease;
        const Attempt attempt = take(zone, *key, limit.most, lease);
        state.current = attempt.count;
        if (lease.held()) {
            state.leases.push_back(std::move(lease));
        }
        return attempt.refused;
    }
    Connection& connection = Connection::obtain(client_connection(r));
    if (connection.holds(zone, *key)) {
        const ngx::ZoneLock lock(zone);
        state.current = zone.leases().count(*key);
        return false;
    }
    Lease* vacancy = connection.vacancy();
    if (vacancy == nullptr) {
        zone.count(Counter::full);
        return zone.on_full == OnFull::deny;
    }
    const Attempt attempt = take(zone, *key, limit.most, *vacancy);
    state.current = attempt.count;
    return attempt.refused;
}

ngx_int_t decide(ngx_http_request_t* r, const LocConf& conf, RequestState& state) {
    if (bypassed(r, conf.bypass)) {
        state.status = Status::bypassed;
        return NGX_DECLINED;
    }
    if (const auto banned = check_bans(r, conf, state)) {
        return *banned;
    }
    state.leases.reserve(conf.limits.size());
    for (const Limit& limit : conf.limits) {
        const auto action = listed(srv_conf(r).lists, *limit.zone, r->connection->sockaddr);
        if (action == Action::allow) {
            continue;
        }
        if (action == Action::deny) {
            limit.zone->count(Counter::banned);
            return refuse(r, conf, state, Status::banned, "access forbidden", *limit.zone);
        }
        if (count(r, limit, state)) {
            const ngx_int_t result =
                refuse(r, conf, state, Status::rejected, "limiting connections", *limit.zone);
            note_refusal(r, conf, kByLimit);
            return result;
        }
        state.status = Status::passed;
    }
    return NGX_DECLINED;
}

}  // namespace

ngx_int_t preaccess(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    if ((conf.limits.empty() && conf.bans.empty()) || r != r->main) {
        return NGX_DECLINED;
    }
    RequestState& state = RequestContext::obtain(r);
    // One decision per request of a client, whatever it is redirected to afterwards.
    return state.status == Status::none ? decide(r, conf, state) : NGX_DECLINED;
}

ngx_int_t post_read(ngx_http_request_t* r) {
    if (r == r->main) {
        if (Connection* connection = Connection::find(client_connection(r))) {
            connection->shake_hands();
        }
    }
    return NGX_DECLINED;
}

}  // namespace gatehouse::connection_limit
