#include "waf/tool/lint.hpp"

#include <algorithm>
#include <tuple>

namespace gatehouse::waf::tool {

std::string_view name_of(Severity severity) noexcept {
    switch (severity) {
    case Severity::error:
        return "error";
    case Severity::warning:
        return "warning";
    case Severity::notice:
        break;
    }
    return "notice";
}

std::string describe(const seclang::Tree& tree, seclang::Place place) {
    const std::string& name = tree.files[place.file].name;
    return place.line > 0 ? name + ':' + std::to_string(place.line) : name;
}

std::vector<Finding> lint(const seclang::Tree& tree, std::string_view version) {
    std::vector<Finding> findings;
    for (const seclang::TreeProblem& problem : tree.problems) {
        findings.push_back({Severity::error, problem.place, problem.text});
    }
    lint_names(tree, findings);
    lint_rules(tree, findings);
    lint_exclusions(tree, findings);
    lint_data(tree, version, findings);
    lint_presence(tree, findings);
    lint_case(tree, findings);
    std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
        return std::tie(a.place.file, a.place.line) < std::tie(b.place.file, b.place.line);
    });
    return findings;
}

}  // namespace gatehouse::waf::tool
