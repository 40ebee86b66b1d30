#pragma once

#include "connection_limit/conf.hpp"

namespace gatehouse::connection_limit {

// The setters of the command table, by the file they are in.

// directives_zone.cpp
ngx::ConfResult set_zone(ngx::Directive& directive, MainConf& conf);
ngx::ConfResult set_list(ngx::Directive& directive, SrvConf& conf);

// directives.cpp
ngx::ConfResult set_limit(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_accept(ngx::Directive& directive, SrvConf& conf);
ngx::ConfResult set_ban(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_bypass(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_dry_run(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_status(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_log_level(ngx::Directive& directive, LocConf& conf);
ngx::ConfResult set_retry_after(ngx::Directive& directive, LocConf& conf);

// N of max=N and the like: at least 1. False if it is something else.
bool read_count(std::string_view text, std::uint32_t& number) noexcept;

// report.cpp
ngx::ConfResult set_report(ngx::Directive& directive, LocConf& conf);

// merge.cpp
ngx::ConfResult finish(ngx_conf_t* cf, MainConf& conf);
ngx::ConfResult merge_srv(ngx_conf_t* cf, const SrvConf& parent, SrvConf& conf);
ngx::ConfResult merge(ngx_conf_t* cf, const LocConf& parent, LocConf& conf);

}  // namespace gatehouse::connection_limit
