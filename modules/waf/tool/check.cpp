#include "waf/tool/check.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "waf/core/json.hpp"
#include "waf/core/seclang_words.hpp"
#include "waf/tool/rules.hpp"
#include "waf/tool/text.hpp"

namespace gatehouse::waf::tool {

namespace {

using seclang::Place;

// FILE:LINE at the front of what the engine says; FILE may be any of the tree.
bool take_place(const seclang::Tree& tree, std::string_view& text, Place& place) {
    for (std::size_t i = 0; i < tree.files.size(); ++i) {
        const std::string prefix = tree.files[i].path + ':';
        if (!text.starts_with(prefix)) {
            continue;
        }
        const std::string_view rest = text.substr(prefix.size());
        const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
        const auto line = number_of(rest.substr(0, digits));
        if (line > 0) {
            place = {i, static_cast<int>(line)};
            text = rest.substr(digits);
            return true;
        }
    }
    return false;
}

void add_engine_problem(Report& report, std::size_t root, std::string_view problem) {
    Finding finding{Severity::error, {root, 0}, {}};
    if (take_place(report.tree, problem, finding.place)) {
        // Who includes the file is told from the tree.
        const std::size_t reason = problem.find(": ");
        problem.remove_prefix(reason == problem.npos ? 0 : reason + 2);
    }
    finding.text = harmless(problem);
    const bool told =
        std::any_of(report.findings.begin(), report.findings.end(), [&](const Finding& other) {
            // Some of its messages have no place.
            return other.severity == Severity::error &&
                   (finding.place.line == 0 || (other.place.file == finding.place.file &&
                                                other.place.line == finding.place.line));
        });
    if (!told) {
        report.findings.push_back(std::move(finding));
    }
}

void ask_engine(Report& report, Engine& engine) {
    std::vector<RuleSource> sources;
    std::size_t root = 0;
    for (std::size_t i = 0; i < report.tree.files.size(); ++i) {
        const seclang::File& file = report.tree.files[i];
        if (file.included_from == seclang::kNoFile) {
            sources.push_back({RuleSource::Kind::file, file.path, {}, file.name});
            root = sources.size() == 1 ? i : root;
        }
    }
    const Loaded loaded = engine.load(sources);
    if (!loaded.rules) {
        add_engine_problem(report, root, loaded.problem);
    }
}

// Of the files that were named those that no other includes: a directory's *.conf is one set of
// rules.
std::vector<std::string> not_included(const seclang::Tree& tree) {
    std::set<std::string> included;
    std::error_code error;
    for (const seclang::File& file : tree.files) {
        if (file.included_from != seclang::kNoFile) {
            included.insert(std::filesystem::weakly_canonical(file.path, error).string());
        }
    }
    std::vector<std::string> roots;
    for (const seclang::File& file : tree.files) {
        if (file.included_from == seclang::kNoFile &&
            !included.contains(std::filesystem::weakly_canonical(file.path, error).string())) {
            roots.push_back(file.name);
        }
    }
    return roots;
}

template <class F>
void for_each_includer(const seclang::Tree& tree, std::size_t file, F&& visit) {
    while (tree.files[file].included_from != seclang::kNoFile) {
        const Place place{tree.files[file].included_from, tree.files[file].include_line};
        visit(place);
        file = place.file;
    }
}

}  // namespace

bool Report::clean() const noexcept {
    return std::all_of(findings.begin(), findings.end(),
                       [](const Finding& finding) { return finding.severity == Severity::notice; });
}

Report check(std::span<const std::string> files, Engine& engine) {
    Report report{seclang::read_tree(files), {}};
    const std::vector<std::string> roots = not_included(report.tree);
    if (!roots.empty() && roots.size() < files.size()) {
        report.tree = seclang::read_tree(roots);
    }
    report.findings = lint(report.tree, engine.version());
    if (!report.tree.broken_includes) {
        ask_engine(report, engine);
    }
    return report;
}

std::string to_text(const Report& report) {
    std::string out;
    for (const Finding& finding : report.findings) {
        out += describe(report.tree, finding.place);
        out.append(": ").append(name_of(finding.severity)).append(": ").append(finding.text) +=
            '\n';
        for_each_includer(report.tree, finding.place.file, [&](Place place) {
            out += "    included from " + describe(report.tree, place) + '\n';
        });
    }
    return out;
}

std::string to_json(const Report& report) {
    Json findings = Json::array();
    for (const Finding& finding : report.findings) {
        Json chain = Json::array();
        for_each_includer(report.tree, finding.place.file, [&](Place place) {
            Json link = Json::object();
            link.set("file", report.tree.files[place.file].name);
            link.set("line", Json::number(place.line));
            chain.append(std::move(link));
        });
        Json one = Json::object();
        one.set("severity", name_of(finding.severity));
        one.set("file", report.tree.files[finding.place.file].name);
        one.set("line", Json::number(finding.place.line));
        one.set("text", finding.text);
        one.set("included_from", std::move(chain));
        findings.append(std::move(one));
    }
    Json root = Json::object();
    root.set("clean", Json::boolean(report.clean()));
    root.set("findings", std::move(findings));
    return root.dump();
}

}  // namespace gatehouse::waf::tool
