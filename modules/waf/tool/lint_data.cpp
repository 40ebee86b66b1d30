#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "waf/tool/geo_database.hpp"
#include "waf/tool/lint.hpp"
#include "waf/tool/names_read.hpp"
#include "waf/tool/rules.hpp"

namespace gatehouse::waf::tool {

namespace {

using seclang::Action;
using seclang::Directive;
using seclang::same_name;

// What has to be asked for, and by what.
struct Source {
    std::string_view name;
    std::string_view asked_by;
    std::string_view without;
};
constexpr Source kSources[] = {
    {"IP", "initcol:ip", "all clients have one in common"},
    {"SESSION", "setsid", "all sessions have one in common"},
    {"USER", "setuid", "all users have one in common"},
    {"RESOURCE", "initcol:resource", "all resources have one in common"},
    {"GLOBAL", "initcol:global", "it has no key"},
    {"GEO", "@geoLookup", "it is empty"},
};

// Rules run by phase, then as they stand.
using Moment = std::tuple<int, std::size_t, std::size_t>;

// 3.0.9 of "ModSecurity v3.0.9 (Linux)"
std::string number_in(std::string_view version) {
    const std::size_t at = version.find(" v");
    version = version.substr(at == version.npos ? version.size() : at + 2);
    return std::string(version.substr(0, version.find_first_not_of("0123456789.")));
}

bool ignores_expirevar(const std::string& number) noexcept {
    constexpr std::string_view kSeries = "3.0.";
    constexpr int kKnowsIt = 11;
    int patch = kKnowsIt;
    if (number.starts_with(kSeries)) {
        std::from_chars(number.data() + kSeries.size(), number.data() + number.size(), patch);
    }
    return patch < kKnowsIt;
}

class DataLinter {
  public:
    DataLinter(const seclang::Tree& tree, std::string_view version, std::vector<Finding>& findings)
        : tree_(tree),
          findings_(findings),
          rules_(collect_rules(tree)),
          version_(number_in(version)) {}

    void run() {
        check_databases();
        for_each_link([&](const Directive& link, Moment moment) { note_sources(link, moment); });
        for_each_link([&](const Directive& link, Moment moment) {
            const Rule& rule = rules_[std::get<1>(moment)];
            if (!of_release(rule)) {
                check_names(rule, link, moment);
                check_actions(rule, link);
            }
        });
    }

  private:
    void warn(seclang::Place place, std::string text) {
        findings_.push_back({Severity::warning, place, std::move(text)});
    }

    template <class F>
    void for_each_link(F&& visit) {
        for (std::size_t i = 0; i < rules_.size(); ++i) {
            for (std::size_t link = 0; link < rules_[i].links.size(); ++link) {
                visit(*rules_[i].links[link], Moment(rules_[i].phase, i, link));
            }
        }
    }

    void note(std::string_view asked_by, Moment moment) {
        const auto [at, fresh] = asked_.try_emplace(std::string(asked_by), moment);
        at->second = fresh ? moment : std::min(at->second, moment);
    }

    void note_sources(const Directive& link, Moment moment) {
        for (const Action& action : link.actions) {
            if (same_name(action.name, "initcol")) {
                const std::string_view name = name_at_front(action.argument);
                for (const Source& source : kSources) {
                    if (same_name(source.name, name)) {
                        note(source.asked_by, moment);
                    }
                }
            } else if (same_name(action.name, "setsid")) {
                note("setsid", moment);
            } else if (same_name(action.name, "setuid")) {
                note("setuid", moment);
            }
        }
        if (link.condition && same_name(link.condition->name, "geoLookup")) {
            note("@geoLookup", moment);
        }
    }

    // Each name once for a rule and its chain.
    void check_names(const Rule& rule, const Directive& link, Moment moment) {
        if (std::get<2>(moment) == 0) {
            told_.clear();
        }
        for_each_name_read(link, [&](std::string_view name, int line) {
            const seclang::Place place{rule.place.file, line};
            const int phase = first_phase(name);
            if (rule.phase >= 1 && rule.phase < phase && told_.emplace(name).second) {
                warn(place, std::string(name) + " is read in phase " + std::to_string(rule.phase) +
                                ", but is not known before phase " + std::to_string(phase));
            }
            for (const Source& source : kSources) {
                if (same_name(source.name, name)) {
                    check_source(source, place, moment);
                }
            }
        });
    }

    void check_source(const Source& source, seclang::Place place, Moment moment) {
        const auto asked = asked_.find(std::string(source.asked_by));
        if (asked == asked_.end()) {
            if (told_.emplace(source.name).second) {
                warn(place, std::string(source.name) + " is used without " +
                                std::string(source.asked_by) + ": " + std::string(source.without));
            }
        } else if (asked->second > moment && told_.emplace(source.name).second) {
            warn(place, std::string(source.name) + " is used before " +
                            std::string(source.asked_by) + " in " +
                            describe(tree_, rules_[std::get<1>(asked->second)].place) + ": " +
                            std::string(source.without));
        }
    }

    // What says how the body is read is too late once it has been.
    void check_control(const Rule& rule, const Action& action) {
        constexpr std::array<std::string_view, 3> kOfBodies{
            "requestBodyProcessor", "requestBodyAccess", "forceRequestBodyVariable"};
        const std::string_view control =
            std::string_view(action.argument).substr(0, action.argument.find('='));
        if (same_name(action.name, "ctl") && rule.phase > 1 &&
            std::any_of(kOfBodies.begin(), kOfBodies.end(),
                        [&](std::string_view each) { return same_name(each, control); })) {
            warn({rule.place.file, action.line},
                 "ctl:" + std::string(control) + " comes too late in phase " +
                     std::to_string(rule.phase) + ": the body has been read before phase 2");
        }
    }

    void check_actions(const Rule& rule, const Directive& link) {
        for (const Action& action : link.actions) {
            check_control(rule, action);
            if (same_name(action.name, "expirevar") && ignores_expirevar(version_)) {
                const std::string variable = action.argument.substr(0, action.argument.find('='));
                warn({rule.place.file, action.line}, "libmodsecurity " + version_ +
                                                         " ignores expirevar, and " + variable +
                                                         " does not expire: 3.0.11 is needed");
            }
        }
        if (link.condition && !has_database_ && same_name(link.condition->name, "geoLookup")) {
            warn({rule.place.file, link.condition->line},
                 "@geoLookup finds nothing without a database: SecGeoLookupDb names none");
        }
    }

    void check_databases() {
        for (const seclang::Statement& statement : tree_.statements) {
            const Directive& directive = statement.directive;
            if (!same_name(directive.name, "SecGeoLookupDb")) {
                continue;
            }
            has_database_ = true;
            const auto paths =
                seclang::find_resource(directive.argument, tree_.files[statement.file].path);
            if (paths.empty()) {
                continue;  // lint_names() tells of it
            }
            if (const auto mistake = geo_database_mistake(paths.front())) {
                warn({statement.file, directive.line},
                     "@geoLookup finds nothing in \"" + directive.argument + "\": " + *mistake);
            }
        }
    }

    const seclang::Tree& tree_;
    std::vector<Finding>& findings_;
    const std::vector<Rule> rules_;
    const std::string version_;
    std::map<std::string, Moment> asked_;  // when it is asked for first
    std::set<std::string, std::less<>> told_;
    bool has_database_ = false;
};

}  // namespace

int first_phase(std::string_view name) noexcept {
    struct Known {
        int phase;
        std::string_view name;
        bool prefix = false;
    };
    constexpr std::array kKnown{Known{2, "REQUEST_BODY"},
                                Known{2, "REQUEST_BODY_LENGTH"},
                                Known{2, "ARGS_POST"},
                                Known{2, "ARGS_POST_NAMES"},
                                Known{2, "FILES"},
                                Known{2, "FILES_", true},
                                Known{2, "MULTIPART_", true},
                                Known{2, "XML"},
                                Known{2, "REQBODY_ERROR"},
                                Known{2, "REQBODY_ERROR_MSG"},
                                Known{2, "REQBODY_PROCESSOR_", true},
                                Known{2, "FULL_REQUEST"},
                                Known{2, "FULL_REQUEST_LENGTH"},
                                Known{2, "INBOUND_DATA_ERROR"},
                                Known{3, "RESPONSE_STATUS"},
                                Known{3, "RESPONSE_PROTOCOL"},
                                Known{3, "RESPONSE_HEADERS"},
                                Known{3, "RESPONSE_HEADERS_NAMES"},
                                Known{3, "RESPONSE_CONTENT_TYPE"},
                                Known{3, "STATUS"},
                                Known{3, "STATUS_LINE"},
                                Known{4, "RESPONSE_BODY"},
                                Known{4, "RESPONSE_CONTENT_LENGTH"},
                                Known{4, "OUTBOUND_DATA_ERROR"}};
    const auto* found = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& known) {
        return same_name(known.prefix ? name.substr(0, known.name.size()) : name, known.name);
    });
    return found == kKnown.end() ? 1 : found->phase;
}

void lint_data(const seclang::Tree& tree, std::string_view version,
               std::vector<Finding>& findings) {
    DataLinter(tree, version, findings).run();
}

}  // namespace gatehouse::waf::tool
