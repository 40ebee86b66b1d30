#include "connection_limit/refusals.hpp"

#include <string>

#include "connection_limit/identify.hpp"
#include "ngx/clock.hpp"
#include "ngx/log.hpp"

namespace gatehouse::connection_limit {
namespace {

bool brings_ban(const BanLimit& ban, const Identity& identity) noexcept {
    Zone& zone = *ban.zone;
    bool banned = false, evicted = false;
    {
        const ZoneLock lock(zone);
        banned = zone.bans().refused(identity.as_client(), identity.subject(), ban.rule,
                                     ngx::turn_microseconds());
        evicted = zone.bans().evicted();
    }
    if (evicted) {
        zone.count(Counter::forgotten);
    }
    return banned;
}

std::string words(const BanLimit& ban) {
    return "banned by zone \"" + ban.zone->title + "\" for " +
           std::to_string(ban.rule.length / 1'000'000) + "s";
}

template <class Concerns>
void count_refusal(ngx_http_request_t* r, const LocConf& conf, Concerns concerns) {
    for (const BanLimit& ban : conf.bans) {
        if (!concerns(ban) ||
            listed(srv_conf(r).lists, *ban.zone, r->connection->sockaddr) == Action::allow) {
            continue;
        }
        const auto identity = identify(r, *ban.zone);
        if (identity && brings_ban(ban, *identity)) {
            ngx::log(conf.log_level, r->connection->log, words(ban), "");
        }
    }
}

// What our siblings have refused. It may be more than one: a limit may have answered a request
// whose token had failed already.
unsigned causes_of(ngx_http_request_t* r) noexcept {
    const auto& main = ngx::main_conf<MainConf>(r, ngx_http_gatehouse_connection_limit_module);
    unsigned causes = 0;
    for (const SiblingStatus& sibling : main.siblings) {
        if (ngx::variable_value(r, sibling.index) == sibling.refusal) {
            causes |= sibling.cause;
        }
    }
    return causes;
}

}  // namespace

void come_to(ngx_http_request_t* r, const LocConf& conf, RequestState& state) noexcept {
    if (state.conf == nullptr || causes_of(r) == 0) {
        state.conf = &conf;
    }
}

void note_refusal(ngx_http_request_t* r, const LocConf& conf, Cause cause) {
    count_refusal(r, conf, [cause](const BanLimit& ban) { return (ban.causes & cause) != 0; });
}

void note_refusal(const ngx_connection_t* c, const Listener& listener, ngx_uint_t log_level) {
    for (const BanLimit& ban : listener.bans) {
        if (listed(listener.lists, *ban.zone, c->sockaddr) == Action::allow) {
            continue;
        }
        const auto identity = identify(c, *ban.zone);
        if (identity && brings_ban(ban, *identity)) {
            const std::string text = words(ban);
            ngx_log_error(log_level, c->log, 0, "%*s at accept, client: %V", text.size(),
                          text.data(), &c->addr_text);
        }
    }
}

ngx_int_t log_phase(ngx_http_request_t* r) {
    if (r != r->main) {
        return NGX_OK;
    }
    const RequestState* state = RequestContext::find(r);
    if (state == nullptr) {
        return NGX_OK;  // it has come to no place with bans
    }
    const LocConf& conf = *state->conf;
    const Status status = state->status;
    if (conf.bans.empty() || conf.dry_run || status == Status::banned ||
        (state->looked_at ? status == Status::bypassed : conf.bypass.holds_for(r))) {
        return NGX_OK;
    }
    // A request counts once: refused by a limit, it has been counted where that is a cause.
    const unsigned counted = status == Status::rejected ? unsigned{kByLimit} : 0U;
    count_refusal(r, conf, [causes = causes_of(r), counted](const BanLimit& ban) {
        return (ban.causes & causes) != 0 && (ban.causes & counted) == 0;
    });
    return NGX_OK;
}

}  // namespace gatehouse::connection_limit
