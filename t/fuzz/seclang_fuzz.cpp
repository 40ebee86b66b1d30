// Rule files, and the request, response and audit files of gatehouse-waf. The first line of the
// input says which.
//
// What must hold: everything has a result, whose lines are those of the input, and messages are
// never more than was there.

#include <algorithm>
#include <string>

#include "property.hpp"
#include "waf/core/fatal_mistake.hpp"
#include "waf/core/seclang.hpp"
#include "waf/core/seclang_words.hpp"
#include "waf/tool/audit.hpp"
#include "waf/tool/exclusion.hpp"
#include "waf/tool/http_message.hpp"

namespace {

using namespace gatehouse::fuzz;
using namespace gatehouse::waf;

void check_rules(std::string_view text) {
    const seclang::Scan scan = seclang::scan(text);
    const auto lines = static_cast<int>(1 + std::count(text.begin(), text.end(), '\n'));
    int last = 1;
    for (const seclang::Directive& directive : scan.directives) {
        require(directive.line >= last && directive.line <= lines, "directives have their order");
        last = directive.line;
        require(text.find(directive.name) != text.npos, "names are from the text");
        require(text.find(directive.text) != text.npos, "so are directives as a whole");
        seclang::nearest_directive(directive.name);
        fatal_mistake(directive);
        for (const seclang::Action& action : directive.actions) {
            require(action.line >= directive.line && action.line <= lines, "so have actions");
            require(text.find(action.argument) != text.npos, "arguments are from the text");
        }
        if (directive.condition) {
            seclang::nearest(seclang::Kind::operator_name, directive.condition->name);
        }
    }
    for (const seclang::Problem& problem : scan.problems) {
        require(problem.line >= 1 && problem.line <= lines, "problems are in the text");
    }
}

template <class T>
void check_message(const tool::Parsed<T>& parsed, std::string_view text) {
    require(parsed.message.has_value() == parsed.problem.empty(), "either of both");
    if (parsed.message) {
        require(parsed.message->headers.size() <= tool::kMaxHeaders + 1, "headers are limited");
        require(parsed.message->body.size() <= text.size(), "the body is from the text");
    }
}

void check_audit(std::string_view text) {
    const auto entries = tool::parse_audit(text);
    for (const tool::AuditEntry& entry : entries) {
        for (const tool::AuditMatch& match : entry.matches) {
            tool::Wanted wanted;
            wanted.rule = match.rule;
            // What is named there may be a file: none is read here.
            if (match.file.empty() && match.rule > 0) {
                const tool::Exclusion made = tool::make_exclusion(entries, wanted);
                require(made.rules.empty() != made.problem.empty(), "either of both");
                require(seclang::scan(made.rules).problems.empty(), "exclusions are SecLang");
                wanted.any_id = wanted.everywhere = true;
                const tool::Exclusion wide = tool::make_exclusion(entries, wanted);
                require((wide.rules + wide.behind).empty() != wide.problem.empty(),
                        "of these, too");
                require(seclang::scan(wide.rules + wide.behind).problems.empty(), "and SecLang");
            }
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text = text_of(data, size);
    const std::string_view kind = take_line(text);
    if (kind == "rules") {
        check_rules(text);
    } else if (kind == "request") {
        check_message(tool::parse_request(text), text);
    } else if (kind == "response") {
        check_message(tool::parse_response(text), text);
    } else if (kind == "audit") {
        check_audit(text);
    }
    return 0;
}
