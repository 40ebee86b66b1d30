#include "jwt/warnings.hpp"

#include "jwt/worker.hpp"
#include "ngx/request.hpp"

namespace gatehouse::jwt {
namespace {

std::string words(const LocConf& conf, Warning warning, const std::string& place) {
    if (warning == Warning::unchecked_subrequest) {
        return "\"auth_jwt\" " + place + " is not checked " + std::string(kInSubrequests);
    }
    const std::string hint = conf.phase == Phase::access ? "set \"auth_jwt_phase preaccess\""
                                                         : "read it behind the REWRITE phase";
    return "a verified variable is read " + place +
           " before the token is checked, and is empty, since keys must be fetched first; " + hint;
}

}  // namespace

std::string where(const ngx_http_core_loc_conf_t& core) {
    return core.name.len == 0 ? std::string("in a server")
                              : "in location \"" + std::string(ngx::view(core.name)) + "\"";
}

void warn_once(ngx_http_request_t* r, const LocConf& conf, Warning warning) {
    if (!worker().warned.emplace(&conf, warning).second) {
        return;
    }
    const std::string place = where(ngx::core_location(r));
    ngx::log(NGX_LOG_WARN, r->connection->log, "auth_jwt: ", words(conf, warning, place));
}

}  // namespace gatehouse::jwt
