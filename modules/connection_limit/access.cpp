#include "connection_limit/access.hpp"

#include <string>

#include "connection_limit/context.hpp"
#include "connection_limit/identify.hpp"
#include "connection_limit/refusals.hpp"
#include "ngx/clock.hpp"
#include "ngx/log.hpp"

namespace gatehouse::connection_limit {
namespace {

// A request that is being decided about.
class Case {
  public:
    Case(ngx_http_request_t* r, const LocConf& conf, RequestState& state) noexcept
        : request_(r), conf_(conf), state_(state) {}

    ngx_int_t decide() {
        if (conf_.bypass.holds_for(request_)) {
            state_.decided = true;
            state_.status = Status::bypassed;
            return NGX_DECLINED;
        }
        for (const BanLimit& ban : conf_.bans) {
            if (forbids(*ban.zone, list_of(*ban.zone))) {
                return refuse(Status::banned, "access forbidden", *ban.zone);
            }
        }
        for (const Limit& limit : conf_.limits) {
            const auto action = list_of(*limit.zone);
            if (action == Action::deny) {
                limit.zone->count(Counter::banned);
                return refuse(Status::banned, "access forbidden", *limit.zone);
            }
            if (action == Action::allow) {
                state_.status = state_.status == Status::none ? Status::bypassed : state_.status;
                continue;
            }
            if (is_beyond(limit)) {
                const ngx_int_t result =
                    refuse(Status::rejected, "limiting connections", *limit.zone);
                if (!conf_.dry_run) {
                    note_refusal(request_, conf_, kByLimit);
                }
                return result;
            }
            state_.status = Status::passed;
        }
        return NGX_DECLINED;
    }

  private:
    std::optional<Action> list_of(const Zone& zone) const noexcept {
        return listed(srv_conf(request_).lists, zone, request_->connection->sockaddr);
    }

    // Whether the key may not come in at all, whatever it holds.
    bool forbids(Zone& zone, std::optional<Action> action) {
        if (action == Action::allow || (action != Action::deny && !is_banned(zone))) {
            return false;
        }
        zone.count(Counter::banned);
        return true;
    }

    bool is_banned(Zone& zone) {
        const auto identity = identify(request_, zone);
        if (!identity) {
            return false;
        }
        const ZoneLock lock(zone);
        const std::int64_t until =
            zone.bans().until(identity->as_client(), ngx::turn_microseconds());
        if (conf_.retry_after && !conf_.dry_run) {
            state_.banned_until = until;
        }
        return until != 0;
    }

    // Takes the lease that `limit` asks for, or else refuses.
    bool is_beyond(const Limit& limit) {
        Zone& zone = *limit.zone;
        const auto identity = identify(request_, zone);
        if (!identity) {
            return false;
        }
        state_.decided = true;
        const base::Hash128& key = identity->as_client();
        if (limit.by == By::request) {
            return !take_into(state_.leases.vacancy(), limit, key);
        }
        Connection& connection = Connection::obtain(client_connection(request_));
        if (connection.holds(zone, key)) {
            const ZoneLock lock(zone);
            state_.current = zone.leases().count(key);
            return false;
        }
        Lease* vacancy = connection.vacancy(key);
        if (vacancy == nullptr) {
            return refused_as_full(zone, request_->connection->log);
        }
        const bool beyond = !take_into(*vacancy, limit, key);
        connection_ = &connection;
        newly_held_ += vacancy->held() ? 1 : 0;
        return beyond;
    }

    bool take_into(Lease& lease, const Limit& limit, const base::Hash128& key) noexcept {
        const Attempt attempt =
            take(*limit.zone, key, limit.most, Counter::refused, lease, request_->connection->log);
        state_.current = attempt.count;
        return !attempt.refused;
    }

    ngx_int_t refuse(Status status, std::string_view what, const Zone& zone) {
        // What it was given so far it gives back: nobody is to pay for a refusal.
        state_.decided = true;
        state_.leases.clear();
        if (connection_ != nullptr) {
            connection_->give_back(newly_held_);
        }
        const std::string text = std::string(what) + (conf_.dry_run ? ", dry run" : "") +
                                 " by zone \"" + zone.title + "\"";
        ngx::log(conf_.log_level, request_->connection->log, text, "");
        if (conf_.dry_run) {
            state_.status =
                status == Status::banned ? Status::banned_dry_run : Status::rejected_dry_run;
            return NGX_DECLINED;
        }
        state_.status = status;
        return static_cast<ngx_int_t>(conf_.status);
    }

    ngx_http_request_t* request_;
    const LocConf& conf_;
    RequestState& state_;
    Connection* connection_ = nullptr;
    std::size_t newly_held_ = 0;  // by the connection, for this request
};

}  // namespace

ngx_int_t preaccess(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    if ((conf.limits.empty() && conf.bans.empty()) || r != r->main) {
        return NGX_DECLINED;
    }
    RequestState& state = RequestContext::obtain(r);
    // One decision per request of a client, whatever it is redirected to afterwards.
    if (state.decided) {
        return NGX_DECLINED;
    }
    come_to(r, conf, state);
    state.looked_at = true;
    return Case(r, conf, state).decide();
}

ngx_int_t rewrite(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    if (r != r->main) {
        return NGX_DECLINED;
    }
    RequestState* state = conf.bans.empty() ? RequestContext::find(r) : &RequestContext::obtain(r);
    if (state != nullptr && !state->looked_at) {
        come_to(r, conf, *state);
    }
    return NGX_DECLINED;
}

ngx_int_t post_read(ngx_http_request_t* r) {
    if (r == r->main) {
        if (Accepted* accepted = Accepted::find(client_connection(r))) {
            for (Lease& lease : accepted->handshakes) {
                lease.end();
            }
        }
    }
    return NGX_DECLINED;
}

}  // namespace gatehouse::connection_limit
