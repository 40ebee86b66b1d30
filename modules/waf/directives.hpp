#pragma once

#include "waf/conf.hpp"

namespace gatehouse::waf {

// The setters of the command table.
ngx::ConfResult set_enabled(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_rules(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_rules_file(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_rules_remote(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_transaction_id(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_error_log(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_moment(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_dry_run(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_bypass(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_on_error(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_status(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_request_body(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_response_body(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_response_buffer(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_limits(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_event_log(ngx::Directive& directive, LocConf& conf);

// merge.cpp
ngx::ConfResult finish(ngx_conf_t* cf, MainConf& conf);
ngx::ConfResult merge(ngx_conf_t* cf, const LocConf& parent, LocConf& conf);

}  // namespace gatehouse::waf
