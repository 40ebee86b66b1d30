#include "ngx/line_log.hpp"

#include <string>

#include "ngx/pool.hpp"
#include "ngx/str.hpp"

namespace gatehouse::ngx {
namespace {

// <PRIORITY>TIME HOST TAG:
std::size_t header_size(const ngx_syslog_peer_t& peer) noexcept {
    constexpr std::string_view kFront = "<255>Jan 01 00:00:00 ";
    constexpr std::string_view kBetween = " : ";
    return kFront.size() + ngx_cycle->hostname.len + peer.tag.len + kBetween.size();
}

void send(ngx_syslog_peer_t& peer, std::string_view line, ngx_log_t* errors) {
    std::string message(header_size(peer), '\0');
    auto* const begin = reinterpret_cast<u_char*>(message.data());
    message.resize(static_cast<std::size_t>(ngx_syslog_add_header(&peer, begin) - begin));
    message += line.substr(0, line.size() - 1);  // there a message is a line
    auto* const octets = reinterpret_cast<u_char*>(message.data());
    if (ngx_syslog_send(&peer, octets, message.size()) < 0) {
        ngx_log_error(NGX_LOG_WARN, errors, 0, "send() to syslog failed");
    }
}

}  // namespace

void LineLog::write(std::string_view line, ngx_log_t* errors) const {
    if (syslog != nullptr) {
        send(*syslog, line, errors);
        return;
    }
    // As nginx writes its access log: appended by one call, so that lines of workers do not mix.
    const ssize_t written = ngx_write_fd(file->fd, const_cast<char*>(line.data()), line.size());
    if (written != static_cast<ssize_t>(line.size())) {
        ngx_log_error(NGX_LOG_ALERT, errors, ngx_errno, "write() to \"%V\" failed", &file->name);
    }
}

ConfResult open_line_log(const Directive& directive, LineLog& log) {
    ngx_conf_t* cf = directive.cf();
    const std::string_view target = directive.arg(0);
    if (target.starts_with("syslog:")) {
        log.syslog = static_cast<ngx_syslog_peer_t*>(ngx_pcalloc(cf->pool, sizeof *log.syslog));
        return log.syslog != nullptr ? ngx_syslog_process_conf(cf, log.syslog) : kConfError;
    }
    if (target.empty() || target.starts_with("memory:")) {
        return directive.invalid_value(target);
    }
    if (target.find('$') != target.npos) {
        return directive.invalid_value(target, "variables are not supported");
    }
    // A file without a name is the standard error output.
    ngx_str_t name = target == "stderr" ? ngx_str_t{} : copy(cf->pool, target);
    log.file = ngx_conf_open_file(cf->cycle, &name);
    return log.file != nullptr ? kConfOk : kConfError;
}

}  // namespace gatehouse::ngx
