#include "waf/directives.hpp"
#include "waf/module.hpp"

namespace gatehouse::waf {
namespace {

// False, and the reason logged, if the rules cannot be had.
bool load(ngx_conf_t* cf, const RuleSetPtr& outer, LocConf& conf) {
    conf.rules = outer;
    if (conf.declared.sources.empty()) {
        return true;
    }
    Loaded loaded = engine().load(conf.declared.sources);
    if (loaded.rules != nullptr && outer != nullptr) {
        loaded = engine().merge(loaded.rules, outer);
    }
    if (loaded.rules == nullptr) {
        ngx::log_conf_error(cf, conf.place, loaded.problem);
        return false;
    }
    conf.rules = std::move(loaded.rules);
    RuleLogs& logs = ngx::main_conf<MainConf>(cf, ngx_http_gatehouse_waf_module).logs;
    for (LogFile& log : conf.rules->log_files()) {
        if (!logs.add(cf, std::move(log))) {
            return false;
        }
    }
    return true;
}

}  // namespace

// The outermost level is nobody's inner one.
ngx::ConfResult finish(ngx_conf_t* cf, MainConf&) {
    const auto* context = static_cast<const ngx_http_conf_ctx_t*>(cf->ctx);
    auto& outermost =
        *static_cast<LocConf*>(context->loc_conf[ngx_http_gatehouse_waf_module.ctx_index]);
    return load(cf, nullptr, outermost) ? ngx::kConfOk : ngx::kConfError;
}

ngx::ConfResult merge(ngx_conf_t* cf, const LocConf& parent, LocConf& conf) {
    Declared& declared = conf.declared;
    const auto each = [&](auto... members) {
        (ngx::inherit(declared.*members, parent.declared.*members), ...);
    };
    each(&Declared::enabled, &Declared::dry_run, &Declared::moment, &Declared::on_error,
         &Declared::error_log, &Declared::status, &Declared::request_body, &Declared::response_body,
         &Declared::response_buffer, &Declared::event_log, &Declared::limits, &Declared::bypass);
    if (declared.transaction_id == nullptr) {
        declared.transaction_id = parent.declared.transaction_id;
    }
    if (!load(cf, parent.rules, conf)) {
        return ngx::kConfError;
    }
    conf.enabled = declared.enabled.value_or(conf.enabled);
    conf.dry_run = declared.dry_run.value_or(conf.dry_run);
    conf.moment = declared.moment.value_or(conf.moment);
    conf.on_error = declared.on_error.value_or(conf.on_error);
    conf.error_log = declared.error_log.value_or(conf.error_log);
    conf.status = declared.status;
    conf.request_body = declared.request_body.value_or(conf.request_body);
    conf.response_body = declared.response_body.value_or(conf.response_body);
    conf.response_buffer = declared.response_buffer.value_or(conf.response_buffer);
    conf.limits = declared.limits.value_or(conf.limits);
    conf.event_log = declared.event_log.value_or(conf.event_log);
    conf.transaction_id = declared.transaction_id;
    conf.bypass = declared.bypass;
    if (conf.enabled.variable != nullptr || conf.enabled.value != Enabled::off) {
        ngx::main_conf<MainConf>(cf, ngx_http_gatehouse_waf_module).active = true;
    }
    return ngx::kConfOk;
}

}  // namespace gatehouse::waf
