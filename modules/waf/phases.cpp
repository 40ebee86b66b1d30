#include "waf/phases.hpp"

#include "ngx/guard.hpp"
#include "waf/inspection.hpp"
#include "waf/request_body.hpp"

namespace gatehouse::waf {
namespace {

// No rules, no cost: not even a context.
bool concerns(const ngx_http_request_t* r, const LocConf& conf) noexcept {
    const bool off = conf.enabled.variable == nullptr && conf.enabled.value == Enabled::off;
    return r == r->main && !off && conf.rules != nullptr;
}

ngx_int_t inspect_body(ngx_http_request_t* r) {
    Inspection* inspection = RequestContext::find(r);
    if (inspection == nullptr || !inspection->active() || inspection->refused() ||
        inspection->body_done) {
        return NGX_DECLINED;
    }
    if (inspection->wants_request_body() && has_body(r)) {
        const ngx_int_t result = read_body(r, *inspection);
        if (result != NGX_OK) {
            return result;
        }
        if (feed_body(r, *inspection) == Verdict::refuse) {
            return inspection->refusal();
        }
    }
    const bool refused = inspection->request_body() == Verdict::refuse ||
                         inspection->doubts(has_body(r)) == Verdict::refuse;
    return refused ? inspection->refusal() : NGX_DECLINED;
}

ngx_int_t inspect_headers(ngx_http_request_t* r, const LocConf& conf) {
    Inspection& inspection = RequestContext::obtain(r);
    if (!inspection.is_due(conf)) {
        return NGX_DECLINED;
    }
    // `rewrite` may have left another place before its rules have seen the body.
    if (inspection.has_other_rules(conf)) {
        const ngx_int_t result = inspect_body(r);
        if (result != NGX_DECLINED) {
            return result;
        }
    }
    inspection.begin(conf);
    return inspection.request_headers() == Verdict::refuse ? inspection.refusal() : NGX_DECLINED;
}

ngx_int_t inspect(ngx_http_request_t* r, const LocConf& conf) {
    const ngx_int_t result = inspect_headers(r, conf);
    return result == NGX_DECLINED ? inspect_body(r) : result;
}

}  // namespace

ngx_int_t rewrite(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    return concerns(r, conf) && conf.moment == Moment::early ? inspect_headers(r, conf)
                                                             : NGX_DECLINED;
}

// Once more the headers, too: variables that turn inspection on may have been set since. And where
// there is no inspection, the body may be due to another place, which `rewrite` has left.
ngx_int_t preaccess(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    if (!concerns(r, conf)) {
        return r == r->main ? inspect_body(r) : NGX_DECLINED;
    }
    return conf.moment == Moment::early ? inspect(r, conf) : NGX_DECLINED;
}

ngx_int_t precontent(ngx_http_request_t* r) {
    const LocConf& conf = loc_conf(r);
    return concerns(r, conf) && conf.moment == Moment::late ? inspect(r, conf) : NGX_DECLINED;
}

ngx_int_t log_phase(ngx_http_request_t* r) {
    if (r == r->main) {
        if (Inspection* inspection = RequestContext::find(r)) {
            inspection->log();
        }
    }
    return NGX_OK;
}

}  // namespace gatehouse::waf
