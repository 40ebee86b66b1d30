#include <algorithm>
#include <array>

#include "connection_limit/directives.hpp"
#include "ngx/file.hpp"
#include "ngx/zone_parameters.hpp"

namespace gatehouse::connection_limit {
namespace {

constexpr std::array<ngx::Word<OnFull>, 2> kOnFull{{
    {"pass", OnFull::pass},
    {"deny", OnFull::deny},
}};

bool read_on_full(std::string_view value, Zone& zone) {
    const auto on_full = ngx::find_word(kOnFull, value);
    zone.on_full = on_full.value_or(zone.on_full);
    return on_full.has_value();
}

constexpr std::array<ngx::Parameter<Zone>, 2> kParameters{{
    {"ipv6_prefix", ngx::read_ipv6_prefix<Zone>},
    {"on_full", read_on_full},
}};

// Habits from limit_conn and limit_req_zone.
constexpr std::array<ngx::Mistake, 4> kZoneMistakes{{
    {"max", "it is a parameter of \"connection_limit\""},
    {"rate",
     "requests per time are limited by \"rate_limit\", new connections by "
     "\"connection_limit_accept\""},
    {"burst", "requests per time are limited by \"rate_limit\""},
    {"status", "it is set by \"connection_limit_status\""},
}};

ngx::ConfResult check_name(const ngx::Directive& directive, const Zone& zone) {
    const bool printable = std::all_of(zone.title.begin(), zone.title.end(),
                                       [](char c) { return c >= ' ' && c <= '~'; });
    return printable ? ngx::kConfOk
                     : directive.error("invalid zone name \"" + zone.title +
                                       "\"; it must be of printable ASCII characters");
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
        std::string text(describe(problem.error));
        text.append(" in \"").append(name).append("\"");
        if (problem.line != 0) {
            text.append(":").append(std::to_string(problem.line));
        }
        return directive.error(text);
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
    zone.kind = base::key_kind(zone.expression);
    zone.of_connection = base::is_connection_address(zone.expression);
    ngx::ConfResult result = ngx::read_zone_parameters(directive, kParameters, kZoneMistakes,
                                                       &Zone::title, check_name, zone);
    if (result == ngx::kConfOk && zone.title.empty()) {
        result = directive.missing_parameter("zone");
    }
    if (result != ngx::kConfOk) {
        return result;
    }
    for (const Zone& other : conf.zones) {
        if (&other != &zone && other.title == zone.title) {
            return directive.error("zone \"" + zone.title + "\" is already bound to key \"" +
                                   other.expression + "\"");
        }
    }
    return zone.add(directive.cf()) ? ngx::kConfOk : ngx::kConfError;
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
