// gatehouse-waf: the security team's tool. TOOL.md is its manual.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "waf/core/libmodsecurity.hpp"
#include "waf/tool/audit.hpp"
#include "waf/tool/cases.hpp"
#include "waf/tool/check.hpp"
#include "waf/tool/exclusion.hpp"
#include "waf/tool/exclusions_of.hpp"
#include "waf/tool/file.hpp"
#include "waf/tool/message_file.hpp"
#include "waf/tool/options.hpp"
#include "waf/tool/rules.hpp"
#include "waf/tool/text.hpp"
#include "waf/tool/trial.hpp"

namespace {

using namespace gatehouse::waf;
using namespace gatehouse::waf::tool;

constexpr int kGood = 0, kFound = 1, kFailed = 2;

constexpr const char kUsage[] =
    "usage: gatehouse-waf check [--json] FILE...\n"
    "       gatehouse-waf test --rules FILE [--rules FILE]... --request FILE [--entry NUMBER]\n"
    "                          [--response FILE] [--client ADDRESS] [--json]\n"
    "                          [--colour auto|always|never]\n"
    "       gatehouse-waf test --rules FILE [--rules FILE]... --cases LIST [--json]\n"
    "       gatehouse-waf exclude --from LOG (--rule ID | --all) [--transaction ID] [--id ID]\n"
    "                             [--any-id] [--everywhere]\n"
    "       gatehouse-waf exclude --rules FILE [--rules FILE]... --request FILE [--entry NUMBER]\n"
    "                             (--rule ID | --all) [--client ADDRESS]\n"
    "                             [--any-id] [--everywhere]\n"
    "       gatehouse-waf --version | --help\n";

int fail(std::string_view problem) {
    std::fprintf(stderr, "gatehouse-waf: %s\n", harmless(problem).c_str());
    return kFailed;
}

int misused(const std::string& problem) {
    fail(problem);
    std::fputs(kUsage, stderr);
    return kFailed;
}

// libmodsecurity's scanner echoes what it does not understand to the standard output, which is not
// for that: results go where that was at first.
int g_output = -1;

bool take_over_output() {
    g_output = dup(STDOUT_FILENO);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return g_output >= 0 && nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0;
}

// What was not written was not said: CI must not take silence for success.
int print(const std::string& text, int status) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t count = write(g_output, text.data() + done, text.size() - done);
        if (count <= 0 && errno != EINTR) {
            return fail("cannot write");
        }
        done += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    return status;
}

using Arguments = std::span<const std::string_view>;

int run_check(Engine& engine, Arguments arguments) {
    constexpr OptionWord kWords[] = {{"--json", false}};
    std::string problem;
    const auto options = Options::parse(arguments, kWords, problem);
    if (!options) {
        return misused(problem);
    }
    if (options->operands().empty()) {
        return misused("check needs a file");
    }
    const Report report = check(options->operands(), engine);
    return print(options->has("--json") ? to_json(report) : to_text(report),
                 report.clean() ? kGood : kFound);
}

bool wants_colour(const std::string& choice) {
    // no-color.org
    return choice == "always" ||
           (choice == "auto" && isatty(g_output) == 1 && std::getenv("NO_COLOR") == nullptr);
}

// Nothing with the reason in `problem`.
std::optional<std::vector<RuleSource>> rule_sources(const std::vector<std::string>& files,
                                                    std::string& problem) {
    const seclang::Tree tree = seclang::read_tree(files);
    if (tree.broken_includes) {
        const seclang::TreeProblem& first = tree.problems.front();
        problem = describe(tree, first.place) + ": " + first.text;
        return std::nullopt;
    }
    std::vector<RuleSource> sources;
    sources.reserve(files.size());
    for (const std::string& file : files) {
        sources.push_back({RuleSource::Kind::file,
                           std::filesystem::absolute(file).lexically_normal().string(),
                           {},
                           file});
    }
    return sources;
}

Loaded load_rules(Engine& engine, const std::vector<std::string>& files) {
    std::string problem;
    const auto sources = rule_sources(files, problem);
    return sources ? engine.load(*sources) : Loaded{nullptr, std::move(problem)};
}

bool good_client(const Options& options, std::string& problem) {
    const auto client = options.value("--client");
    if (client && !is_address(*client)) {
        problem = "invalid address \"" + *client + "\" of --client";
    }
    return problem.empty();
}

std::size_t entry_of(const Options& options) {
    const auto number = number_of(options.value("--entry").value_or(""));
    return number > 0 ? static_cast<std::size_t>(number) : 0;
}

bool good_entry(const Options& options, std::string& problem) {
    if (options.has("--entry") && entry_of(options) == 0) {
        problem = "invalid number \"" + *options.value("--entry") + "\" of --entry";
    }
    return problem.empty();
}

int run_cases_of(Engine& engine, const Options& options, const std::string& list) {
    std::string problem;
    const auto text = read_file(list, kMaxMessage, problem);
    if (!text) {
        return fail(problem);
    }
    const auto cases = parse_cases(*text, problem);
    if (!cases) {
        return fail(list + ':' + problem);
    }
    const Loaded loaded = load_rules(engine, options.values("--rules"));
    if (!loaded.rules) {
        return fail(loaded.problem);
    }
    const auto results = run_cases(engine, loaded.rules, list, *cases, problem);
    if (!results) {
        return fail(problem);
    }
    return print(options.has("--json") ? to_json(*results) : to_text(*results),
                 all_as_expected(*results) ? kGood : kFound);
}

int run_request(Engine& engine, const Options& options, const std::string& request_file) {
    std::string problem;
    const auto exchange = read_exchange(request_file, options.value("--response").value_or(""),
                                        entry_of(options), problem);
    if (!exchange) {
        return fail(problem);
    }
    const Loaded loaded = load_rules(engine, options.values("--rules"));
    if (!loaded.rules) {
        return fail(loaded.problem);
    }
    const Outcome outcome = run_trial(engine, loaded.rules, *exchange,
                                      client_of(*exchange, options.value("--client").value_or("")));
    const int status = outcome.failed ? kFailed : outcome.blocked ? kFound : kGood;
    const bool colour = wants_colour(options.value("--colour").value_or("auto"));
    return print(options.has("--json") ? to_json(outcome) : to_text(outcome, colour), status);
}

int run_test(Engine& engine, Arguments arguments) {
    constexpr OptionWord kWords[] = {{"--rules", true},  {"--request", true}, {"--response", true},
                                     {"--client", true}, {"--json", false},   {"--colour", true},
                                     {"--cases", true},  {"--entry", true}};
    std::string problem;
    const auto options = Options::parse(arguments, kWords, problem);
    if (!options) {
        return misused(problem);
    }
    const auto request = options->value("--request");
    const auto cases = options->value("--cases");
    if (!options->has("--rules") || request.has_value() == cases.has_value() ||
        !options->operands().empty()) {
        return misused(
            "test needs --rules and either --request or --cases, and nothing but options");
    }
    if (cases &&
        (options->has("--response") || options->has("--client") || options->has("--entry"))) {
        return misused("--response, --client and --entry are words of the list of --cases");
    }
    const std::string colour = options->value("--colour").value_or("auto");
    if (colour != "auto" && colour != "always" && colour != "never") {
        return misused("invalid value \"" + colour + "\" of --colour");
    }
    if (!good_client(*options, problem) || !good_entry(*options, problem)) {
        return misused(problem);
    }
    return cases ? run_cases_of(engine, *options, *cases) : run_request(engine, *options, *request);
}

// Also what could not be excluded is said.
int print_exclusions(const Exclusions& exclusions) {
    for (const std::string& problem : exclusions.problems) {
        fail(problem);
    }
    const std::string rules = exclusions.rules + exclusions.behind;
    return rules.empty() ? kFailed : print(rules, exclusions.blocked ? kFound : kGood);
}

int exclude_from_log(const std::string& path, const Wanted& wanted) {
    constexpr std::size_t kMaxAudit = std::size_t{256} << 20U;
    std::string problem;
    const auto text = read_file(path, kMaxAudit, problem);
    if (!text) {
        return fail(problem);
    }
    const std::vector<AuditEntry> entries = parse_audit(*text);
    if (wanted.rule == 0) {
        return print_exclusions(exclude_all(entries, wanted));
    }
    const Exclusion exclusion = make_exclusion(entries, wanted);
    return exclusion.problem.empty() ? print(exclusion.rules + exclusion.behind, kGood)
                                     : fail(exclusion.problem);
}

int exclude_from_request(Engine& engine, const Options& options, const Wanted& wanted) {
    std::string problem;
    const auto exchange =
        read_exchange(*options.value("--request"), {}, entry_of(options), problem);
    const auto rules = rule_sources(options.values("--rules"), problem);
    if (!exchange || !rules) {
        return fail(problem);
    }
    return print_exclusions(
        exclude_until_passed(engine, *rules, *exchange,
                             client_of(*exchange, options.value("--client").value_or("")), wanted));
}

int run_exclude(Engine& engine, Arguments arguments) {
    constexpr OptionWord kWords[] = {
        {"--from", true},    {"--rule", true},        {"--all", false},    {"--id", true},
        {"--rules", true},   {"--transaction", true}, {"--request", true}, {"--client", true},
        {"--any-id", false}, {"--everywhere", false}, {"--entry", true}};
    std::string problem;
    const auto options = Options::parse(arguments, kWords, problem);
    if (!options) {
        return misused(problem);
    }
    const auto from = options->value("--from");
    const bool has_request = options->has("--request") && options->has("--rules");
    const bool all = options->has("--all");
    Wanted wanted;
    wanted.rule = number_of(options->value("--rule").value_or(""));
    wanted.transaction = options->value("--transaction").value_or("");
    wanted.any_id = options->has("--any-id");
    wanted.everywhere = options->has("--everywhere");
    if (from.has_value() == has_request || (wanted.rule > 0) == all ||
        options->has("--rule") == all || !options->operands().empty()) {
        return misused(
            "exclude needs either --from or --rules and --request, and either --rule or "
            "--all, and nothing but options");
    }
    if (const auto id = options->value("--id")) {
        wanted.own_id = number_of(*id);
        if (all || has_request || wanted.own_id < kFirstOwnId || wanted.own_id > kLastOwnId) {
            return misused("--id must be " + std::to_string(kFirstOwnId) + " to " +
                           std::to_string(kLastOwnId) + ", and is for one exclusion from a log");
        }
    }
    if (!good_client(*options, problem) || !good_entry(*options, problem)) {
        return misused(problem);
    }
    return has_request ? exclude_from_request(engine, *options, wanted)
                       : exclude_from_log(*from, wanted);
}

int run(Arguments arguments) {
    const std::string_view command = arguments.empty() ? std::string_view() : arguments.front();
    if (command == "--help") {
        return print(kUsage, kGood);
    }
    if (command != "check" && command != "test" && command != "exclude" && command != "--version") {
        return misused(command.empty() ? "a command is needed"
                                       : "unknown command \"" + std::string(command) + '"');
    }
    const auto engine = make_libmodsecurity("gatehouse-waf");
    if (!engine) {
        return fail("libmodsecurity is not the one that this program was built for");
    }
    if (command == "--version") {
        return print("gatehouse-waf with " + std::string(engine->version()) + '\n', kGood);
    }
    if (command == "exclude") {
        return run_exclude(*engine, arguments.subspan(1));
    }
    return command == "check" ? run_check(*engine, arguments.subspan(1))
                              : run_test(*engine, arguments.subspan(1));
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const std::vector<std::string_view> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
        return take_over_output() ? run(arguments) : fail("the standard output is not usable");
    } catch (const std::exception& error) {
        return fail(error.what());
    }
}
