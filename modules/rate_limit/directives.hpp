#pragma once

#include "rate_limit/conf.hpp"

namespace gatehouse::rate_limit {

// The setters of the command table, by the file they are in.

// directives_zone.cpp
ngx::ConfResult set_redis(ngx::Directive& directive, MainConf& conf);
ngx::ConfResult set_zone(ngx::Directive& directive, MainConf& conf);

// directives.cpp
ngx::ConfResult set_limit(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_bypass(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_dry_run(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_status(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_log_level(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_headers(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_retry_after(ngx::Directive& directive, LocConf& conf);

// merge.cpp
ngx::ConfResult finish(ngx_conf_t* cf, MainConf& conf);
ngx::ConfResult merge(ngx_conf_t* cf, const LocConf& parent, LocConf& conf);

}  // namespace gatehouse::rate_limit
