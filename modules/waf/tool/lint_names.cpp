#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "waf/core/exclusion_mistake.hpp"
#include "waf/core/fatal_mistake.hpp"
#include "waf/core/seclang_words.hpp"
#include "waf/tool/lint.hpp"

namespace gatehouse::waf::tool {

namespace {

using seclang::Action;
using seclang::Directive;
using seclang::Form;
using seclang::Kind;
using seclang::Operator;
using seclang::same_name;
using seclang::Variable;

template <std::size_t N>
bool one_of(std::string_view name, const std::array<std::string_view, N>& names) {
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view each) { return same_name(each, name); });
}

std::string unknown(std::string_view what, std::string_view name, std::string_view prefix,
                    std::string_view nearest, std::string_view remark = {}) {
    std::string text = "unknown ";
    text.append(what).append(" \"").append(prefix).append(name).append("\"").append(remark);
    if (!nearest.empty()) {
        text.append("; did you mean \"").append(prefix).append(nearest).append("\"?");
    }
    return text;
}

class NameLinter {
  public:
    NameLinter(const seclang::Tree& tree, std::vector<Finding>& findings) noexcept
        : tree_(tree), findings_(findings) {}

    void run() {
        for (const seclang::Statement& statement : tree_.statements) {
            file_ = statement.file;
            if (!statement.directive.broken) {
                check(statement.directive);
            }
        }
    }

  private:
    void report(Severity severity, int line, std::string text) {
        findings_.push_back({severity, {file_, line}, std::move(text)});
    }
    void error(int line, std::string text) { report(Severity::error, line, std::move(text)); }

    void check(const Directive& directive) {
        check_directive(directive);
        for (const Variable& variable : directive.variables) {
            if (!seclang::known(Kind::variable, variable.name)) {
                error(variable.line, unknown("variable", variable.name, "",
                                             nearest(Kind::variable, variable.name)));
            }
        }
        if (directive.condition) {
            check_operator(*directive.condition);
        }
        // Of "ctl:ruleRemoveById=1,2" the action 2 is told of already.
        if (!exclusion_mistake(directive)) {
            for (const Action& action : directive.actions) {
                check_action(action);
            }
        }
    }

    void check_directive(const Directive& directive) {
        const auto form = seclang::directive_form(directive.name);
        if (!form) {
            std::string_view near = seclang::nearest_directive(directive.name);
            if (same_name(directive.name, "IncludeOptional")) {
                near = "Include";  // libmodsecurity has no other
            }
            error(directive.line, unknown("directive", directive.name, "", near));
        } else if (form == Form::unsupported) {
            error(directive.line, "libmodsecurity does not support " + directive.name);
        } else if (auto mistake = fatal_mistake(directive)) {
            error(directive.line, std::move(*mistake));
        } else if (auto wrong = exclusion_mistake(directive)) {
            error(directive.line, std::move(*wrong));
        } else if (form == Form::argument && directive.argument.empty()) {
            error(directive.line, directive.name + " needs an argument");
        } else if (same_name(directive.name, "SecUnicodeMapFile")) {
            const std::size_t end = directive.argument.find_last_of(' ');
            check_file(directive.argument.substr(0, end), directive.line);
        } else if (same_name(directive.name, "SecGeoLookupDb")) {
            check_file(directive.argument, directive.line);
        }
    }

    void check_operator(const Operator& op) {
        constexpr std::array<std::string_view, 8> kOfFiles{
            "pmFromFile", "pmf",         "ipMatchFromFile", "ipMatchF",
            "fuzzyHash",  "inspectFile", "validateDTD",     "validateSchema"};
        if (!op.name.empty() && !seclang::known(Kind::operator_name, op.name)) {
            error(op.line, unknown("operator", op.name, "@", nearest(Kind::operator_name, op.name),
                                   ", which libmodsecurity takes for a regular expression"));
        } else if (one_of(op.name, kOfFiles) && !op.argument.empty()) {
            // fuzzyHash has a threshold behind the file.
            const bool fuzzy = same_name(op.name, "fuzzyHash");
            check_file(op.argument.substr(0, fuzzy ? op.argument.find(' ') : op.argument.npos),
                       op.line);
        }
    }

    void check_action(const Action& action) {
        if (same_name(action.name, "t")) {
            if (!seclang::known(Kind::transformation, action.argument)) {
                error(action.line, unknown("transformation", action.argument,
                                           "t:", nearest(Kind::transformation, action.argument)));
            }
        } else if (same_name(action.name, "ctl")) {
            const std::string control = action.argument.substr(0, action.argument.find('='));
            if (!seclang::known(Kind::control, control)) {
                error(action.line,
                      unknown("control", control, "ctl:", nearest(Kind::control, control)));
            }
        } else if (!seclang::known(Kind::action, action.name)) {
            error(action.line,
                  unknown("action", action.name, "", nearest(Kind::action, action.name)));
        } else if (same_name(action.name, "exec")) {
            check_file(action.argument, action.line);
        }
    }

    void check_file(const std::string& name, int line) {
        if (name.starts_with("https://")) {
            return;
        }
        const auto paths = seclang::find_resource(name, tree_.files[file_].path);
        std::error_code ignored;
        if (paths.empty()) {
            error(line, "data file \"" + name + "\" is not found");
        } else if (!std::filesystem::is_regular_file(paths.front(), ignored)) {
            error(line, "data file \"" + name + "\" is no file");
        }
    }

    const seclang::Tree& tree_;
    std::vector<Finding>& findings_;
    std::size_t file_ = 0;
};

}  // namespace

void lint_names(const seclang::Tree& tree, std::vector<Finding>& findings) {
    NameLinter(tree, findings).run();
}

}  // namespace gatehouse::waf::tool
