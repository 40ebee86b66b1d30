#include <limits>

#include "connection_limit/directives.hpp"
#include "ngx/file.hpp"

namespace gatehouse::connection_limit {
namespace {

bool read_number(std::string_view text, std::uint32_t& number) noexcept {
    const auto value = ngx::parse_number(text);
    if (!value || *value == 0 || *value > std::numeric_limits<std::int32_t>::max()) {
        return false;
    }
    number = static_cast<std::uint32_t>(*value);
    return true;
}

ngx::ConfResult read_zone_parameter(const ngx::Directive& directive, std::string_view text,
                                    Zone& zone) {
    if (ngx::named_value(text, "zone")) {
        const auto name = ngx::parse_zone(directive, text);
        if (!name) {
            return ngx::kConfError;
        }
        zone.title = name->name;
        zone.size = name->size;
        return ngx::kConfOk;
    }
    if (const auto prefix = ngx::named_value(text, "ipv6_prefix")) {
        std::uint32_t bits = 0;
        if (!read_number(*prefix, bits) || bits > 128) {
            return directive.invalid_parameter(text);
        }
        zone.ipv6_prefix = bits;
        return ngx::kConfOk;
    }
    if (text == "on_full=deny") {
        zone.on_full = OnFull::deny;
        return ngx::kConfOk;
    }
    return text == "on_full=pass" ? ngx::kConfOk : directive.invalid_parameter(text);
}

bool read_accept(std::string_view text, AcceptLimit& limit) {
    if (const auto name = ngx::named_value(text, "zone")) {
        limit.name = *name;
        return !name->empty();
    }
    if (const auto most = ngx::named_value(text, "max")) {
        return read_number(*most, limit.most);
    }
    if (const auto handshakes = ngx::named_value(text, "handshake")) {
        return read_number(*handshakes, limit.handshakes);
    }
    const auto rate = ngx::named_value(text, "rate");
    return rate && rate->ends_with("r/s") &&
           read_number(rate->substr(0, rate->size() - 3), limit.rate);
}

ngx::ConfResult read_addresses(const ngx::Directive& directive, std::string_view path, List& list) {
    const std::string name = ngx::full_name(directive.cf(), path);
    const ngx::FileContent file = ngx::read_file(name, kMaxListBytes);
    if (!file.problem.empty()) {
        return directive.error(file.problem);
    }
    auto parsed = CidrList::parse(file.content);
    if (!parsed) {
        const ListProblem problem = parsed.error();
        return directive.error(std::string(describe(problem.error)) + " in \"" + name + "\"" +
                               (problem.line == 0 ? "" : ":" + std::to_string(problem.line)));
    }
    if (parsed->stray_bits_line() != 0) {
        ngx::log_conf_warning(directive.cf(), directive.place(),
                              "low address bits are meaningless in \"" + name +
                                  "\":" + std::to_string(parsed->stray_bits_line()));
    }
    list.addresses = std::make_shared<const CidrList>(std::move(*parsed));
    return ngx::kConfOk;
}

}  // namespace

ngx::ConfResult set_zone(ngx::Directive& directive, MainConf& conf) {
    Zone& zone = conf.zones.emplace_back();
    zone.place = directive.place();
    zone.expression = directive.arg(0);
    zone.key = directive.complex(directive.arg(0));
    if (zone.key == nullptr) {
        return ngx::kConfError;
    }
    if (zone.expression == "$binary_remote_addr") {
        zone.kind = base::KeyKind::binary_address;
    } else if (zone.expression == "$remote_addr") {
        zone.kind = base::KeyKind::address;
    }
    for (const ngx_str_t& arg : directive.args().subspan(1)) {
        const ngx::ConfResult result = read_zone_parameter(directive, ngx::view(arg), zone);
        if (result != ngx::kConfOk) {
            return result;
        }
    }
    if (zone.title.empty()) {
        return directive.error("\"connection_limit_zone\" must have \"zone\" parameter");
    }
    for (const Zone& other : conf.zones) {
        if (&other != &zone && other.title == zone.title) {
            return directive.error("zone \"" + zone.title + "\" is already bound to key \"" +
                                   other.expression + "\"");
        }
    }
    return zone.add(directive.cf()) ? ngx::kConfOk : ngx::kConfError;
}

ngx::ConfResult set_accept(ngx::Directive& directive, SrvConf& conf) {
    AcceptLimit limit;
    limit.place = directive.place();
    for (const ngx_str_t& arg : directive.args()) {
        if (!read_accept(ngx::view(arg), limit)) {
            return directive.invalid_parameter(ngx::view(arg));
        }
    }
    if (limit.name.empty() || limit.most == 0) {
        return directive.error("\"connection_limit_accept\" must have \"" +
                               std::string(limit.name.empty() ? "zone" : "max") + "\" parameter");
    }
    for (const AcceptLimit& other : conf.accept) {
        if (other.name == limit.name) {
            return ngx::kDuplicate;
        }
    }
    conf.accept.push_back(std::move(limit));
    return ngx::kConfOk;
}

ngx::ConfResult set_list(ngx::Directive& directive, SrvConf& conf) {
    List list;
    list.place = directive.place();
    const auto name = ngx::named_value(directive.arg(0), "zone");
    if (!name || name->empty()) {
        return directive.invalid_parameter(directive.arg(0));
    }
    list.name = *name;
    if (directive.arg(2) == "action=allow") {
        list.action = Action::allow;
    } else if (directive.arg(2) != "action=deny") {
        return directive.invalid_parameter(directive.arg(2));
    }
    const ngx::ConfResult result = read_addresses(directive, directive.arg(1), list);
    if (result == ngx::kConfOk) {
        conf.lists.push_back(std::move(list));
    }
    return result;
}

}  // namespace gatehouse::connection_limit
